import type { AnyEvent, EventType } from '../../src/contracts/events.ts';
import { STREAM_PROTOCOL, type StreamMessage } from '../../src/contracts/stream.ts';

/** Reads all kept events of these types through the live stream, from the oldest to `quietMillis` without a new one. */
export function readEvents(url: string, token: string, types: EventType[], quietMillis = 3000): Promise<AnyEvent[]> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/stream`, [STREAM_PROTOCOL, `bearer.${token}`]);
    const events: AnyEvent[] = [];
    let quiet: NodeJS.Timeout | undefined;
    const wait = () => {
      clearTimeout(quiet);
      quiet = setTimeout(() => {
        socket.close();
        resolve(events);
      }, quietMillis);
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
