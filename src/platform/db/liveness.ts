import pg from 'pg';
import type { InFlight } from './watched-client.ts';

/** A statement older than this makes us ask whether the database is there at all. */
const SUSPECT_MS = 600;
const TICK_MS = 100;
/** Turns of the event loop, 100 ms each, that a probe may take: a stalled loop of our own counts as one turn, not as the database's fault. */
const PROBE_TICKS = 9;

export interface Liveness {
  /** True from the first failed probe until one succeeds: connecting is then refused at once instead of queueing. */
  away(): boolean;
  stop(): void;
}

/**
 * Slow statements are allowed up to their time-out, a dead or half-open server is not: when a statement is older than 0.6 s, a fresh connection
 * asks `select 1`. No answer within 0.9 s cuts every connection with something in flight, so that each request is answered within 2 s.
 * Any answer of a server, even "too many connections", counts as alive; starting up and shutting down (57P0x) do not.
 */
export function watchLiveness(config: pg.ClientConfig, inFlight: InFlight, log: (message: string) => void): Liveness {
  let isAway = false;
  let probing = false;
  let quietUntil = 0;

  async function probe(): Promise<boolean> {
    const client = new pg.Client({ ...config, connectionTimeoutMillis: 0, keepAlive: false });
    client.on('error', () => {});
    let ticks = 0;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setInterval(() => {
        ticks += 1;
        if (ticks >= PROBE_TICKS) setImmediate(resolve, false);
      }, TICK_MS);
    });
    const asked = (async () => {
      try {
        await client.connect();
        await client.query('select 1');
        return true;
      } catch (error) {
        return error instanceof pg.DatabaseError && !(error.code ?? '').startsWith('57P0');
      }
    })();
    const alive = await Promise.race([asked, late]);
    clearInterval(timer);
    if (alive) client.end().catch(() => {});
    else (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    return alive;
  }

  async function check(): Promise<void> {
    probing = true;
    const alive = await probe();
    probing = false;
    quietUntil = performance.now() + (alive ? 500 : 200);
    if (alive === isAway) log(alive ? 'the database answers again' : 'the database does not answer');
    isAway = !alive;
    if (!alive) for (const client of [...inFlight.keys()]) client.cut();
  }

  const timer = setInterval(() => {
    const now = performance.now();
    if (probing || now < quietUntil) return;
    if (isAway) return void check();
    for (const since of inFlight.values()) if (now - since > SUSPECT_MS) return void check();
  }, TICK_MS);
  timer.unref();
  return { away: () => isAway, stop: () => clearInterval(timer) };
}
