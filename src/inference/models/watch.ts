import { Counter, Gauge } from '@prometheus-io/client';
import { sql } from 'kysely';
import { type Database, type Reads, reads } from '../../platform/db/database.ts';
import type { Door } from '../../platform/db/door.ts';
import { every } from '../../platform/every.ts';
import { ProblemError } from '../../platform/problem.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import type { InferenceTables } from '../tables.ts';
import type { Log } from '../threads/pool.ts';
import { type CanaryFigures, type CanaryLimits, judgeCanary } from './canary-rules.ts';
import { changeStage } from './change-stage.ts';
import { droppedOf } from './comparison.ts';
import { type Pairing, pairingsOf } from './comparisons.ts';
import { judgedBy } from './judged.ts';
import { systemCause } from './registry.ts';
import { planWithdrawal } from './stages.ts';

export interface WatchDeps {
  db: Database;
  door: Door;
  log: Log;
  metrics: Pick<Metrics, 'add'>;
  judging: string;
  limits: CanaryLimits;
  /** Boards that may wait for a second look: what lies behind them was dropped. */
  backlog: number;
  everyMs: number;
}

/** Held for a moment, so that of several processes one looks. */
const LOCK = 7_226_013_014;
/** Judged boards that the figure of dropped looks is taken over. */
const AMONG = 5_000;

/** Boards of a version that it is judged by, its newest. */
const NEWEST = 1_000;

export async function canaryFigures(on: Reads<InferenceTables>, of: Pairing): Promise<CanaryFigures> {
  const { rows } = await sql<{ boards: number; differing: number; p95: number | null }>`
    SELECT count(*)::int AS boards, (count(*) FILTER (WHERE NOT agrees))::int AS differing, percentile_cont(0.95) WITHIN GROUP (ORDER BY infer_ms) AS p95
      FROM (SELECT agrees, infer_ms FROM inference.comparison
             WHERE model = ${of.model} AND candidate_version = ${of.candidate} AND production_version = ${of.production} AND role = 'canary'
               AND stage_since = ${of.since} AND state = 'done' ORDER BY id DESC LIMIT ${NEWEST}) c`.execute(on);
  return {
    production: await judgedBy(on, of.model, of.production, of.since, NEWEST),
    canary: await judgedBy(on, of.model, of.candidate, of.since, NEWEST),
    looks: rows[0] ?? { boards: 0, differing: 0, p95: null },
  };
}

/**
 * Looks at the canary every few seconds and takes a worse one back: to shadow, or out where the shadow's place is taken. Its lots go on with production.
 * Who acts is settled by the versions' locks, so that two watchers roll back once.
 */
export function watchCanary({ db, door, log, metrics, judging, limits, backlog, everyMs }: WatchDeps): {
  start(): void;
  stop(): Promise<void>;
  look(): Promise<void>;
} {
  const rollbacks = metrics.add(
    (registers) =>
      new Counter({
        name: 'model_rollbacks_total',
        help: 'Canaries taken back by themselves, by rule',
        labelNames: ['model', 'rule'] as const,
        registers,
      }),
  );
  for (const rule of ['errors', 'latency', 'calls', 'disagreement']) rollbacks.inc({ model: judging, rule }, 0);
  const stages = metrics.add(
    (registers) =>
      new Gauge({
        name: 'model_stage_version',
        help: 'Version in a stage; 0: none',
        aggregator: 'max',
        labelNames: ['model', 'stage'] as const,
        registers,
      }),
  );
  const dropped = metrics.add(
    (registers) =>
      new Gauge({
        name: 'model_looks_dropped',
        help: 'Of the newest 5,000 boards judged since the stage began: those whose second look was dropped',
        aggregator: 'max',
        labelNames: ['role'] as const,
        registers,
      }),
  );
  for (const role of ['shadow', 'canary']) dropped.set({ role }, 0);

  async function judge(of: Pairing): Promise<void> {
    const figures = await canaryFigures(reads<InferenceTables>(db), of);
    const breach = judgeCanary(figures, limits);
    if (!breach) return;
    try {
      await changeStage(door, systemCause(), {
        model: of.model,
        plan: (versions) => planWithdrawal(versions, of.candidate),
        reason: `${breach.rule}: ${breach.words}`,
        automatic: true,
        rollback: true,
        figures: { ...figures, rule: breach.rule, limits },
        shows: () => of.candidate,
      });
    } catch (error) {
      // Another was faster, or a person moved it.
      if (error instanceof ProblemError && error.code === 'transition_not_allowed') return;
      throw error;
    }
    rollbacks.inc({ model: of.model, rule: breach.rule });
    log.warn({ model: of.model, version: of.candidate, rule: breach.rule, figures }, `canary rolled back: ${breach.words}`);
  }

  async function look(): Promise<void> {
    const client = await db.pool.connect();
    let lost: Error | undefined;
    try {
      const { rows } = await client.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [LOCK]);
      if (!rows[0]?.got) return;
      try {
        const pairings = await pairingsOf(reads<InferenceTables>(db), judging);
        stages.set({ model: judging, stage: 'production' }, pairings[0]?.production ?? 0);
        for (const role of ['canary', 'shadow'] as const)
          stages.set({ model: judging, stage: role }, pairings.find((one) => one.role === role)?.candidate ?? 0);
        for (const pairing of pairings) {
          dropped.set({ role: pairing.role }, await droppedOf(reads<InferenceTables>(db), pairing, backlog, AMONG));
          if (pairing.role === 'canary') await judge(pairing);
        }
      } finally {
        await client.query('select pg_advisory_unlock($1)', [LOCK]);
      }
    } catch (error) {
      lost = error as Error;
      throw error;
    } finally {
      // A lock of the session must not go back into the pool with it.
      client.release(lost);
    }
  }

  const rounds = every(everyMs, look, (error) => log.warn({ err: error }, 'the canary is not watched'));
  return { start: () => rounds.start(), stop: () => rounds.stop(), look };
}
