import pg from 'pg';
import { mapFault } from './faults.ts';

type Callback = (error: unknown, result?: unknown) => void;
type Query = (config: unknown, values?: unknown, callback?: Callback) => unknown;

/** Statements in flight of one pool: client -> when its statement was sent (`performance.now()`). */
export type InFlight = Map<WatchedClient, number>;

/** `/*=name*` + `/` at the start of a text makes it a prepared statement of that name on each connection: parsed and planned once. */
export function prepared(name: string, text: string): string {
  return `/*=${name}*/ ${text}`;
}
function nameOf(text: string): string | undefined {
  return text.startsWith('/*=') ? text.slice(3, text.indexOf('*/')) : undefined;
}

/** A connection that notes what is in flight, names the statements that ask for it, and tells an absent database from a wrong statement. */
export class WatchedClient extends pg.Client {
  inFlight: InFlight | undefined;

  constructor(config?: pg.ClientConfig & { inFlight?: InFlight }) {
    super(config);
    this.inFlight = config?.inFlight;
  }

  /** Cuts the connection: whatever waits on it fails now, and the pool drops it. */
  cut(): void {
    (this as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }

  /** Takes the place of `query`: see below. */
  watchedQuery(config: unknown, values?: unknown, callback?: Callback): unknown {
    const send = super.query as unknown as Query;
    if (typeof (config as { submit?: unknown }).submit === 'function') return send.call(this, config, values, callback);
    const back = typeof values === 'function' ? (values as Callback) : callback;
    const parameters = typeof values === 'function' ? undefined : values;
    const name = typeof config === 'string' ? nameOf(config) : undefined;
    const query = name === undefined ? config : { name, text: config, values: parameters };
    const own = name === undefined ? parameters : undefined;
    this.inFlight?.set(this, performance.now());
    if (back) {
      return send.call(this, query, own, (error, result) => {
        this.inFlight?.delete(this);
        back(error ? mapFault(error) : error, result);
      });
    }
    // Not the driver's own promise: rows that it gives survive until the old generation is collected (`bench/micro/collector.ts` shows how much does).
    return new Promise((resolve, reject) => {
      send.call(this, query, own, (error, result) => {
        this.inFlight?.delete(this);
        if (error) reject(error);
        else resolve(result);
      });
    }).catch((error: unknown) => {
      // As the driver does: the stack that leads to who asked, in place of the socket's.
      if (error instanceof Error) Error.captureStackTrace(error);
      throw mapFault(error);
    });
  }
}
// The driver's nine overloads of `query` cannot be written as one override.
WatchedClient.prototype.query = WatchedClient.prototype.watchedQuery as pg.Client['query'];
