import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { type Database, reads } from '../platform/db/database.ts';
import type { Log } from '../platform/telemetry/log.ts';
import { sweepState } from './sweep-state.ts';
import type { IdentityTables } from './tables.ts';
import type { Authenticate } from './verifier.ts';

/** How soon other processes hear of a token that was given back, and how often expired rows are swept (milliseconds). */
const POLL_MS = 5000;
const SWEEP_MS = 60_000;

export interface Revocations {
  has(jti: string): boolean;
  /** A token that holds (as `authenticate` says) and was made for this client: it holds no more. Anything else is left as it is (RFC 7009, 2.2). */
  revoke(token: string, clientId: string, authenticate: Authenticate): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Access tokens given back before their time; by `jti`, since a token can be spelled in several ways. */
export function createRevocations(db: Database, log: Pick<Log, 'warn'>): Revocations {
  const revoked = new Map<string, number>();
  let stopping: AbortController | undefined;
  let loop: Promise<void> | undefined;

  async function load(): Promise<void> {
    const rows = await reads<IdentityTables>(db)
      .selectFrom('identity.revoked_token')
      .selectAll()
      .where('expires_at', '>', new Date())
      .execute();
    for (const { jti, expires_at } of rows) revoked.set(jti, expires_at.getTime());
    for (const [jti, until] of revoked) if (until + 120_000 < Date.now()) revoked.delete(jti);
  }

  async function run(signal: AbortSignal): Promise<void> {
    let swept = Date.now();
    while (!signal.aborted) {
      await sleep(POLL_MS, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      try {
        await load();
        if (Date.now() - swept < SWEEP_MS) continue;
        swept = Date.now();
        await sweepState(db, { signal });
      } catch (error) {
        log.warn({ err: error }, 'identity_sweep_failed');
      }
    }
  }

  return {
    has: (jti) => revoked.has(jti),
    async revoke(token, clientId, authenticate) {
      try {
        await authenticate(token);
      } catch {
        return;
      }
      const { jti, exp, client_id } = decodeJwt(token);
      if (client_id !== clientId || jti === undefined || exp === undefined) return;
      await db.pool.query('insert into identity.revoked_token (jti, expires_at) values ($1, to_timestamp($2)) on conflict do nothing', [
        jti,
        exp,
      ]);
      revoked.set(jti, exp * 1000);
    },
    async start() {
      await load();
      stopping = new AbortController();
      loop = run(stopping.signal);
    },
    async stop() {
      stopping?.abort();
      await loop;
    },
  };
}
