import type { AnyEvent } from '../../../src/contracts/events.ts';
import type { STREAM_PROTOCOL } from '../../../src/contracts/stream.ts';
import { serverNow } from './clock.ts';

/** As `STREAM_PROTOCOL` of the contract, kept apart so that the schema library stays out of the bundle. */
const PROTOCOL: typeof STREAM_PROTOCOL = 'cqp.v1';
export type StreamState = 'connecting' | 'live' | 'offline';
export interface StreamOptions {
  url: string;
  token(): Promise<string>;
  onEvent(event: AnyEvent): void;
  /** Events were lost: the cursor is older than what the platform keeps. Everything shown must be read again. */
  onGap(): void;
  onState(state: StreamState, since: number): void;
}

const FIRST_WAIT = 500;
const LONGEST_WAIT = 20_000;
/** The platform beats every 14 s. A page cannot see a ping, and a half-open connection never closes: three beats missed mean that it is gone. */
export const SILENCE = 45_000;
/** Doubled with each try, and spread so that a thousand screens do not come back in one moment. */
export function waitBeforeTry(attempt: number, random = Math.random()): number {
  return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt) * (0.5 + random / 2);
}

/** One socket for the whole page; it resumes after the last cursor it saw, so that a break loses nothing. */
export function openStream(options: StreamOptions): { close(): void } {
  let socket: WebSocket | null = null;
  let cursor: string | null = null;
  let attempt = 0;
  let timer = 0;
  let closed = false;
  let watchdog = 0;

  const say = (state: StreamState) => options.onState(state, serverNow());

  function later(): void {
    window.clearTimeout(watchdog);
    if (closed) return;
    say('offline');
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void connect(), waitBeforeTry(attempt++));
  }

  /** Gives up a connection that has said nothing for too long; its close may never be told. */
  function watch(watched: WebSocket): void {
    window.clearTimeout(watchdog);
    watchdog = window.setTimeout(() => {
      if (socket !== watched) return;
      socket = null;
      watched.close();
      later();
    }, SILENCE);
  }

  function hear(text: string): void {
    const message = JSON.parse(text) as { type: string; cursor?: string; event?: AnyEvent };
    if (message.cursor) cursor = message.cursor;
    if (message.type === 'event' && message.event) options.onEvent(message.event);
    else if (message.type === 'gap') options.onGap();
    else if (message.type === 'subscribed') {
      attempt = 0;
      say('live');
    }
  }

  async function connect(): Promise<void> {
    if (closed) return;
    let token: string;
    try {
      token = await options.token();
    } catch {
      later();
      return;
    }
    // A token may be long on its way.
    if (closed) return;
    socket?.close();
    const next = new WebSocket(options.url, [PROTOCOL, `bearer.${token}`]);
    socket = next;
    watch(next);
    next.onopen = () => next.send(JSON.stringify({ type: 'subscribe', beat: true, ...(cursor ? { after: cursor } : {}) }));
    next.onmessage = (message) => {
      if (socket !== next) return;
      watch(next);
      hear(String(message.data));
    };
    next.onclose = () => {
      if (socket === next) later();
    };
  }

  const atOnce = () => {
    attempt = 0;
    window.clearTimeout(timer);
    if (socket?.readyState !== WebSocket.OPEN) void connect();
  };
  /** What came after the break keeps a browser from reading the end of the connection: its close may be told late or never. */
  const gone = () => {
    const lost = socket;
    socket = null;
    lost?.close();
    later();
  };
  window.addEventListener('online', atOnce);
  window.addEventListener('offline', gone);
  say('connecting');
  void connect();

  return {
    close() {
      closed = true;
      window.clearTimeout(timer);
      window.clearTimeout(watchdog);
      window.removeEventListener('online', atOnce);
      window.removeEventListener('offline', gone);
      socket?.close();
    },
  };
}
