import type { Caller } from '../contracts/permissions.ts';
import type { Feed } from '../platform/bus/feed.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { CLOSE, encoded, type Socket, StreamClient } from './client.ts';

export interface HubOptions {
  feed: Feed;
  metrics: Pick<Metrics, 'openStreams'>;
  /** Open streams of this process. */
  maxClients?: number;
  /** Open streams of one person or client. */
  maxOfOne?: number;
  /** Milliseconds between pings; who has not answered by the next one is dropped. */
  pingMs?: number;
}

/** A socket as the hub needs it beyond what a client does. */
export interface HubSocket extends Socket {
  ping(): void;
  on(event: 'message', fn: (data: Buffer, binary: boolean) => void): unknown;
  on(event: 'pong' | 'close' | 'error', fn: () => void): unknown;
}

export interface Hub {
  /** Why one more is not let in; `undefined` when it is. */
  refuses(caller: Caller): 'full' | 'too_many' | undefined;
  /** `recheck` throws when the token no longer holds; asked at every ping. `expiresAt` in milliseconds since 1970. */
  add(socket: HubSocket, caller: Caller, token: { expiresAt: number | undefined; recheck(): Promise<unknown> }): void;
  /** Says goodbye to everyone: they come back to another process after their cursor. */
  closeAll(): void;
  readonly size: number;
}

/** Who takes nothing answers no ping either, in whatever it is behind: two of these are less than the 30 s after which a client that stalls is gone. */
const PING_MS = 14_000;
const LONGEST_TIMER = 2 ** 31 - 1;

interface Seat {
  socket: HubSocket;
  client: StreamClient;
  answered: boolean;
  recheck(): Promise<unknown>;
  expiry: NodeJS.Timeout | undefined;
}

/** All open streams of a process. Listens to the feed only while somebody listens here. */
export function createHub(options: HubOptions): Hub {
  const { feed, metrics, maxClients = 2000, maxOfOne = 100, pingMs = PING_MS } = options;
  const seats = new Set<Seat>();
  const bySubject = new Map<string, number>();
  let unlisten: (() => void) | undefined;
  let pinging: NodeJS.Timeout | undefined;

  function begin(): void {
    unlisten ??= feed.listen((entry) => {
      const shared = encoded(entry);
      for (const seat of seats) seat.client.live(shared);
    });
    pinging ??= setInterval(ping, pingMs).unref();
  }

  function end(): void {
    unlisten?.();
    unlisten = undefined;
    clearInterval(pinging);
    pinging = undefined;
  }

  function ping(): void {
    for (const seat of seats) {
      if (!seat.answered) {
        seat.socket.terminate();
        continue;
      }
      seat.answered = false;
      seat.socket.ping();
      seat.client.beat();
      seat.recheck().catch((error: unknown) => {
        if ((error as { code?: unknown }).code === 'unauthorized') seat.client.close(CLOSE.tokenExpired, 'the token no longer holds');
      });
    }
  }

  function leave(seat: Seat): void {
    if (!seats.delete(seat)) return;
    clearTimeout(seat.expiry);
    seat.client.gone();
    const left = (bySubject.get(seat.client.caller.subject) ?? 1) - 1;
    if (left > 0) bySubject.set(seat.client.caller.subject, left);
    else bySubject.delete(seat.client.caller.subject);
    metrics.openStreams.set(seats.size);
    if (seats.size === 0) end();
  }

  return {
    refuses: (caller) => (seats.size >= maxClients ? 'full' : (bySubject.get(caller.subject) ?? 0) >= maxOfOne ? 'too_many' : undefined),
    add(socket, caller, { expiresAt, recheck }) {
      const client = new StreamClient(caller, socket, feed);
      const seat: Seat = { socket, client, answered: true, recheck, expiry: undefined };
      if (expiresAt !== undefined)
        seat.expiry = setTimeout(
          () => client.close(CLOSE.tokenExpired, 'the token has expired'),
          Math.max(0, Math.min(expiresAt - Date.now(), LONGEST_TIMER)),
        ).unref();
      seats.add(seat);
      bySubject.set(caller.subject, (bySubject.get(caller.subject) ?? 0) + 1);
      metrics.openStreams.set(seats.size);
      socket.on('message', (data, binary) => void client.message(data, binary));
      socket.on('pong', () => {
        seat.answered = true;
      });
      socket.on('close', () => leave(seat));
      socket.on('error', () => leave(seat));
      begin();
    },
    closeAll() {
      for (const seat of seats) seat.client.close(CLOSE.restarting, 'restarting: come back after your last cursor');
    },
    get size() {
      return seats.size;
    },
  };
}
