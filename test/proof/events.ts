import type { AnyEvent, EventType } from '../../src/contracts/events.ts';
import { STREAM_PROTOCOL, type StreamMessage } from '../../src/contracts/stream.ts';

/** Without a new event for so long (milliseconds) there is none; and so long it may take until there are as many as there have to be. */
const QUIET_MS = 3000;
const PATIENCE_MS = 60_000;

/** Reads all kept events of these types through the live stream, from the oldest on: at least `least` of them, unless they do not come. */
export function readEvents(url: string, token: string, types: EventType[], least: number): Promise<AnyEvent[]> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/stream`, [STREAM_PROTOCOL, `bearer.${token}`]);
    const events: AnyEvent[] = [];
    let quiet: NodeJS.Timeout | undefined;
    const end = performance.now() + PATIENCE_MS;
    const wait = () => {
      clearTimeout(quiet);
      quiet = setTimeout(() => {
        if (events.length < least && performance.now() < end) return wait();
        socket.close();
        resolve(events);
      }, QUIET_MS);
    };
    socket.addEventListener('open', () => {
      socket.send(JSON.stringify({ type: 'subscribe', filter: { event_types: types }, after: '0.0' }));
      wait();
    });
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as StreamMessage;
      if (message.type === 'gap') reject(new Error('the stream no longer holds the oldest events'));
      if (message.type === 'event') events.push(message.event as AnyEvent);
      wait();
    });
    socket.addEventListener('error', () => reject(new Error('the stream broke')));
  });
}
