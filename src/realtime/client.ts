import type { AnyEvent } from '../contracts/events.ts';
import type { Caller } from '../contracts/permissions.ts';
import { type StreamFilter, type StreamMessage, StreamSubscribe } from '../contracts/stream.ts';
import { compareCursors, type Feed, type FeedEntry } from '../platform/bus/feed.ts';
import { createLimiter } from '../platform/http/limits.ts';
import { bodyChecker } from '../platform/http/validation.ts';
import { unknownTypes, visibleTo } from './visibility.ts';

/** What a client needs of a socket; the one of `ws` has it. */
export interface Socket {
  readonly bufferedAmount: number;
  send(data: string | Buffer, options: { binary: boolean }): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

/** An event and its bytes on the wire, encoded at most once for all clients. */
export interface Encoded extends FeedEntry {
  bytes(): Buffer;
}

export function encoded(entry: FeedEntry): Encoded {
  let bytes: Buffer | undefined;
  return {
    ...entry,
    bytes: () => {
      bytes ??= Buffer.from(JSON.stringify({ type: 'event', cursor: entry.cursor, event: entry.event }));
      return bytes;
    },
  };
}

/** Close codes (RFC 6455, 7.4 and private ones from 4000). */
export const CLOSE = { restarting: 1012, tooSlow: 1013, policy: 1008, failed: 1011, tokenExpired: 4401 } as const;

/** Bytes that may wait for a reader before it is dropped. */
const MAX_BUFFERED = 1024 * 1024;
/** Events of one read while a client catches up, and live ones that wait for it meanwhile. */
const PAGE = 500;
const MAX_QUEUED = 2000;
/** Messages a second that a client may send. */
const MESSAGES = 20;

const parseSubscribe = bodyChecker(StreamSubscribe, []);

/**
 * One reader: idle -> (catching up -> live) or live. Catching up reads pages from the cursor while live events wait in a queue; when a page is not full, what
 * waits and is newer follows, and the client is live: no hole, nothing twice. A queue that runs over is thrown away, and
 * what it would have held is read from the feed.
 */
export class StreamClient {
  readonly caller: Caller;
  readonly #socket: Socket;
  readonly #feed: Feed;
  readonly #messages = createLimiter({ rate: MESSAGES, burst: MESSAGES });
  #sees: ((event: AnyEvent) => boolean) | undefined;
  #queue: Encoded[] | undefined;
  #overrun = false;
  /** What the client has already, while the feed of this process may be behind that: it came from a process that was ahead. */
  #behind: string | undefined;
  #run = 0;
  #gone = false;
  #beats = false;

  constructor(caller: Caller, socket: Socket, feed: Feed) {
    this.caller = caller;
    this.#socket = socket;
    this.#feed = feed;
  }

  /** A live event of the feed, told to every client in the order of the feed. */
  live(entry: Encoded): void {
    if (this.#sees === undefined || !this.#sees(entry.event)) return;
    if (this.#queue === undefined) {
      if (this.#behind !== undefined && compareCursors(entry.cursor, this.#behind) <= 0) return;
      this.#behind = undefined;
      this.#send(entry);
    } else if (this.#queue.length < MAX_QUEUED && !this.#overrun) this.#queue.push(entry);
    else {
      this.#queue = [];
      this.#overrun = true;
    }
  }

  /** What the client wrote. Anything but a subscription is answered with words. */
  async message(data: Buffer, binary: boolean): Promise<void> {
    if (!this.#messages.take('')) return this.close(CLOSE.policy, 'too many messages');
    let value: unknown;
    try {
      value = binary ? undefined : JSON.parse(data.toString('utf8'));
    } catch {
      value = undefined;
    }
    const faults = parseSubscribe(value);
    if (faults.length > 0) {
      const fault = faults[0];
      return this.#tell({ type: 'error', message: `${fault?.field}: ${fault?.message}` });
    }
    const { filter = {}, after, beat = false } = value as StreamSubscribe;
    this.#beats = beat;
    const unknown = unknownTypes(filter);
    if (unknown.length > 0) return this.#tell({ type: 'error', message: `No event has the type ${unknown[0]}` });
    await this.#subscribe(filter, after);
  }

  /** Says that the connection stands, to who cannot see a ping. */
  beat(): void {
    if (this.#beats) this.#tell({ type: 'beat' });
  }

  close(code: number, reason: string): void {
    if (this.#gone) return;
    this.gone();
    this.#socket.close(code, reason);
  }

  /** The socket is closed: nothing more is sent. */
  gone(): void {
    this.#gone = true;
    this.#sees = undefined;
    this.#queue = undefined;
    this.#run += 1;
  }

  async #subscribe(filter: StreamFilter, after: string | undefined): Promise<void> {
    const run = ++this.#run;
    this.#sees = visibleTo(this.caller, filter);
    this.#overrun = false;
    this.#behind = undefined;
    if (after === undefined) {
      this.#queue = undefined;
      return this.#tell({ type: 'subscribed', cursor: this.#feed.cursor() });
    }
    this.#queue = [];
    try {
      await this.#catchUp(after, run);
    } catch {
      if (run === this.#run) this.close(CLOSE.failed, 'the past cannot be read now: subscribe again');
    }
  }

  async #catchUp(after: string, run: number): Promise<void> {
    let behind = after;
    let first = true;
    for (;;) {
      this.#overrun = false;
      // From here on what is told waits in the queue, and what was told before is in the page.
      const { gap, events } = await this.#feed.after(behind, PAGE);
      if (run !== this.#run) return;
      if (gap) {
        this.#queue = undefined;
        this.#tell({ type: 'gap' });
        return this.#tell({ type: 'subscribed', cursor: this.#feed.cursor() });
      }
      if (first) this.#tell({ type: 'subscribed', cursor: after });
      first = false;
      for (const event of events) {
        if (this.#sees?.(event.event) !== true) continue;
        this.#send(encoded(event));
        await this.#breathe();
        if (run !== this.#run) return;
      }
      behind = events.at(-1)?.cursor ?? behind;
      if (events.length === PAGE) continue;
      for (let entry = this.#queue?.shift(); entry !== undefined; entry = this.#queue?.shift()) {
        if (compareCursors(entry.cursor, behind) <= 0) continue;
        behind = entry.cursor;
        this.#send(entry);
        await this.#breathe();
        if (run !== this.#run) return;
      }
      if (!this.#overrun) break;
    }
    this.#behind = behind;
    this.#queue = undefined;
  }

  /** Lets a client that reads more than the network takes at once keep its place: half of what may wait is the mark. */
  #breathe(): Promise<void> | undefined {
    return this.#socket.bufferedAmount > MAX_BUFFERED / 2 ? this.#wait() : undefined;
  }

  async #wait(): Promise<void> {
    for (let tries = 0; tries < 200 && !this.#gone && this.#socket.bufferedAmount > MAX_BUFFERED / 2; tries++)
      await new Promise((resolve) => setTimeout(resolve, 25));
  }

  #send(entry: Encoded): void {
    if (this.#gone) return;
    this.#socket.send(entry.bytes(), { binary: false });
    if (this.#socket.bufferedAmount > MAX_BUFFERED) {
      this.close(CLOSE.tooSlow, 'too slow: subscribe again after your last cursor');
      this.#socket.terminate();
    }
  }

  #tell(message: StreamMessage): void {
    if (!this.#gone) this.#socket.send(JSON.stringify(message), { binary: false });
  }
}
