import { Counter } from '@prometheus-io/client';
import { type Database, reads } from '../../platform/db/database.ts';
import type { Door } from '../../platform/db/door.ts';
import { every } from '../../platform/every.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { look, type PictureStore } from '../look.ts';
import type { InferenceTables } from '../tables.ts';
import type { Log } from '../threads/pool.ts';
import { claimLook, endLook, failLook, forgetLook, type Pairing, pairingsOf, sidesOf } from './comparisons.ts';
import { thresholdsUnder } from './recipes.ts';
import type { VerifiedModel } from './repository.ts';
import type { OpenSide, Side } from './side.ts';

export interface SecondLooksDeps {
  db: Database;
  door: Door;
  pictures: PictureStore;
  log: Log;
  models: readonly VerifiedModel[];
  judging: string;
  openSide: OpenSide;
  /** Boards that may wait for a second look. */
  backlog: number;
  /** Told of each: `agrees`, `differs` or `failed`. */
  onLook: (outcome: 'agrees' | 'differs' | 'failed', role: Pairing['role']) => void;
}

/** How late a new shadow or canary is seen, and a judged board at the latest. */
const POLL_MS = 1000;
/** Looks of one round, so that a stage that ended is seen in time. */
const A_ROUND = 20;
/** Among what waits for the side's one thread. */
const PRIORITY = 1;

/**
 * The shadow looks at what production judged, and production at what the canary judged. All of it runs beside: in a process of its own with the lowest
 * priority, opened while there is a shadow or a canary; nothing that judges a board waits for it or knows of it.
 */
export function secondLooks(deps: SecondLooksDeps): { start(): void; stop(): Promise<void> } {
  const { db, door, log, judging } = deps;
  const byVersion = new Map(
    deps.models.filter(({ manifest }) => manifest.name === judging).map((model) => [model.manifest.version, model]),
  );
  const stopping = new AbortController();
  let side: Side | null = null;
  let holds = '';

  async function fit(pairings: readonly Pairing[]): Promise<Side | null> {
    const versions = [...new Set(pairings.map((pairing) => sidesOf(pairing).second))].sort();
    if (side !== null && holds !== versions.join()) {
      await side.close();
      side = null;
    }
    holds = versions.join();
    const models = versions.flatMap((version) => byVersion.get(version) ?? []);
    if (models.length > 0) side ??= await deps.openSide(models);
    return side;
  }

  /** @returns false when nothing waits */
  async function lookOnce(side: Side, of: Pairing): Promise<boolean> {
    const model = byVersion.get(sidesOf(of).second);
    if (!model) return false;
    const board = await claimLook(db, of, deps.backlog);
    if (!board) return false;
    try {
      const { candidates, timingsMs } = await look(
        { pictures: deps.pictures, threads: side.threads, runtime: side.runtime, onRun: () => {} },
        model,
        { image: board.image_sha256, reference: board.reference_sha256 },
        { signal: stopping.signal, priority: PRIORITY },
      );
      const thresholds = thresholdsUnder(model.manifest.thresholds, board.recipe);
      const agrees = await endLook(door, of, board, { candidates, thresholds, inferMs: timingsMs.infer ?? 0 });
      deps.onLook(agrees ? 'agrees' : 'differs', of.role);
    } catch (error) {
      if (stopping.signal.aborted) return await forgetLook(db, board.id);
      await failLook(db, board.id, error instanceof Error ? error.message : String(error));
      deps.onLook('failed', of.role);
      await side.settled();
    }
    return true;
  }

  async function round(): Promise<void> {
    const pairings = await pairingsOf(reads<InferenceTables>(db), judging);
    const open = await fit(pairings);
    if (!open) return;
    for (const pairing of pairings)
      for (let count = 0; count < A_ROUND && !stopping.signal.aborted; count += 1) if (!(await lookOnce(open, pairing))) break;
  }

  const rounds = every(POLL_MS, round, (error) => log.warn({ err: error }, 'second looks wait'));
  return {
    start: () => rounds.start(),
    async stop() {
      stopping.abort();
      // What is in the side's hands ends with it: a model that hangs there would hold up the stop.
      await side?.close();
      await rounds.stop();
      await side?.close();
    },
  };
}

/** Second looks by what came of them; there from the start, at zero. */
export function countLooks(metrics: Pick<Metrics, 'add'>): SecondLooksDeps['onLook'] {
  const looks = metrics.add(
    (registers) =>
      new Counter({
        name: 'model_second_looks_total',
        help: 'Judged boards that another version looked at, by role and by what came of it',
        labelNames: ['role', 'outcome'] as const,
        registers,
      }),
  );
  for (const role of ['shadow', 'canary']) for (const outcome of ['agrees', 'differs', 'failed']) looks.inc({ role, outcome }, 0);
  return (outcome, role) => looks.inc({ role, outcome });
}
