import type { Readable } from 'node:stream';
import type { Dispatcher, Pool } from 'undici';
import { ProblemError } from '../platform/problem.ts';
import type { Part } from '../platform/slice.ts';

export type Answer = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>;

export interface Forwarded {
  method: string;
  /** With its query, as it came. */
  path: string;
  /** Name and value in turn. */
  headers: string[];
  body: Readable | null;
  /** `held`: it waits or arrives slowly by its nature. Those have connections of their own, so that they hold up nobody else. */
  lane: 'quick' | 'held';
  /** Time until the head of the answer, and between two pieces of it (milliseconds). */
  timeoutMs: number;
  /** Ends it: the client is gone. */
  signal: AbortSignal;
}

/** The way to one service on another machine. */
export interface ServiceLink {
  /** Resolves at the head of the answer. @throws ProblemError service_unavailable, overloaded; the signal's reason */
  send(request: Forwarded): Promise<Answer>;
  /** Whether the service would take a request now; asked at most twice a second, however many ask. */
  look(): Promise<Part>;
  close(): Promise<void>;
}

/** Connections of one process to one service. Creations, reads and writes of it all wait for one database. */
const CONNECTIONS = { quick: 256, held: 1024 } as const;
/** Requests that wait for a connection. None of their body is read meanwhile, but for what the kernel took. */
const MOST_WAITING = 10_000;
/** undici's clock of connects is coarse by half a second: it ends them within 2 s. */
const CONNECT_MS = 1500;
/** After a connect that got no answer at all the next tries are refused at once for so long: each would hold its client for the whole time. */
const SILENT_MS = 500;
const LOOK_MS = 400;
const LOOK_KEPT_MS = 500;
const RETRY_AFTER = 2;

/** A connection that ended before a byte of the answer: the service may have closed it just then. */
const ENDED = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);
const codeOf = (error: unknown): string => {
  const { code } = (error ?? {}) as { code?: unknown };
  // That of a DOMException is a number, and says nothing.
  return typeof code === 'string' ? code : '';
};

/** Opens nothing yet: the first request does. */
export async function openServiceLink(name: string, url: string): Promise<ServiceLink> {
  const undici = await import('undici');
  const open = (connections: number): Pool =>
    new undici.Pool(new URL(url).origin, { connections, connect: { timeout: CONNECT_MS }, allowH2: false, headersTimeout: 0 });
  const lanes = { quick: { pool: open(CONNECTIONS.quick), inside: 0 }, held: { pool: open(CONNECTIONS.held), inside: 0 } };
  let silentUntil = 0;
  let looked: { at: number; part: Promise<Part> } | undefined;

  const away = (why: string, cause?: unknown) =>
    new ProblemError('service_unavailable', { detail: `The ${name} service ${why}`, retryAfter: RETRY_AFTER, cause });

  function problemOf(error: unknown): ProblemError {
    if (error instanceof ProblemError) return error;
    if (codeOf(error) === 'UND_ERR_CONNECT_TIMEOUT') silentUntil = performance.now() + SILENT_MS;
    return away(ENDED.has(codeOf(error)) ? 'ended the connection' : 'is out of reach', error);
  }

  async function once(pool: Pool, { method, path, headers, body, timeoutMs, signal }: Forwarded): Promise<Answer> {
    const ending = new AbortController();
    const end = () => ending.abort(signal.reason);
    const timer = setTimeout(() => ending.abort(away('did not answer in time')), timeoutMs);
    signal.addEventListener('abort', end, { once: true });
    try {
      signal.throwIfAborted();
      const options = { method: method as Dispatcher.HttpMethod, path, headers, body, bodyTimeout: timeoutMs, signal: ending.signal };
      const answer = await pool.request(options);
      answer.body.once('close', () => signal.removeEventListener('abort', end));
      return answer;
    } catch (error) {
      signal.removeEventListener('abort', end);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async function send(request: Forwarded): Promise<Answer> {
    const { method, lane: named, signal } = request;
    const lane = lanes[named];
    if (performance.now() < silentUntil) throw away('is out of reach');
    if (lane.inside >= CONNECTIONS[named] + MOST_WAITING) throw new ProblemError('overloaded', { retryAfter: 1 });
    lane.inside += 1;
    try {
      return await once(lane.pool, request).catch((error: unknown) => {
        if ((method !== 'GET' && method !== 'HEAD') || !ENDED.has(codeOf(error)) || signal.aborted) throw error;
        return once(lane.pool, request);
      });
    } catch (error) {
      throw signal.aborted ? signal.reason : problemOf(error);
    } finally {
      lane.inside -= 1;
    }
  }

  async function ask(): Promise<Part> {
    try {
      const signal = AbortSignal.timeout(LOOK_MS);
      const { statusCode, body } = await lanes.quick.pool.request({ method: 'GET', path: '/health/ready', signal });
      await body.dump();
      return statusCode === 200 ? { status: 'ok' } : { status: 'degraded', detail: `not ready (${statusCode})` };
    } catch (error) {
      return { status: 'degraded', detail: `out of reach (${codeOf(error) || (error as Error).name})` };
    }
  }

  return {
    send,
    look() {
      const now = performance.now();
      if (looked === undefined || now - looked.at > LOOK_KEPT_MS) looked = { at: now, part: ask() };
      return looked.part;
    },
    async close() {
      await Promise.all(Object.values(lanes).map(({ pool }) => pool.destroy()));
    },
  };
}
