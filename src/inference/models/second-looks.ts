import { Counter } from '@prometheus-io/client';
import { type Database, reads } from '../../platform/db/database.ts';
import type { Door } from '../../platform/db/door.ts';
import { every } from '../../platform/every.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { look, type PictureStore, PicturesAway } from '../look.ts';
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
  /** Time from closing a side whose version is not ready to opening it anew, in milliseconds. */
  reopenMs?: number;
  /** Told of each: `agrees`, `differs` or `failed`. */
  onLook: (outcome: 'agrees' | 'differs' | 'failed', role: Pairing['role']) => void;
}

/** How late a new shadow or canary is seen, and a judged board at the latest. */
const POLL_MS = 1000;
/** Looks of one round, so that a stage that ended is seen in time. */
const A_ROUND = 20;
/** A version that does not load is tried again after this: each try costs a process and its loading. */
const REOPEN_MS = 60_000;
/** Among what waits for the side's one thread. */
const PRIORITY = 1;

/**
 * The shadow looks at what production judged, and production at what the canary judged. All of it runs beside: in a process of its own with the lowest
 * priority, opened while there is a shadow or a canary; nothing that judges a board waits for it or knows of it. Each role has its own process: a shadow that
 * hangs or does not load holds up no look at the canary.
 */
export function secondLooks(deps: SecondLooksDeps): { start(): void; stop(): Promise<void> } {
  const roles = (['canary', 'shadow'] as const).map((role) => looksOf(role, deps));
  return {
    start() {
      for (const one of roles) one.start();
    },
    async stop() {
      await Promise.all(roles.map((one) => one.stop()));
    },
  };
}

function looksOf(role: Pairing['role'], deps: SecondLooksDeps): { start(): void; stop(): Promise<void> } {
  const { db, door, log, judging, reopenMs = REOPEN_MS } = deps;
  const byVersion = new Map(
    deps.models.filter(({ manifest }) => manifest.name === judging).map((model) => [model.manifest.version, model]),
  );
  const stopping = new AbortController();
  let side: Side | null = null;
  let holds: number | undefined;
  /** Not before this a side that was not ready is opened anew, by `performance.now()`. */
  let rests = 0;

  async function fit(version: number | undefined): Promise<Side | null> {
    if (holds !== version) {
      await side?.close();
      side = null;
      rests = 0;
    }
    holds = version;
    const model = version === undefined ? undefined : byVersion.get(version);
    // Begun before the stop, come here after it: a process that nobody asks anything would be started.
    if (stopping.signal.aborted) return null;
    if (version === undefined || !model || performance.now() < rests) return null;
    if (side === null) side = await deps.openSide([model], stopping.signal);
    else await side.settled();
    if (stopping.signal.aborted) return null;
    if (side.runtime.ready(judging, version)) return side;
    log.warn({ model: judging, version, role, reopen_ms: reopenMs }, 'second looks wait: the version does not load beside');
    await side.close();
    side = null;
    rests = performance.now() + reopenMs;
    return null;
  }

  /** @returns false when nothing waits */
  async function lookOnce(side: Side, of: Pairing): Promise<boolean> {
    const model = byVersion.get(sidesOf(of).second);
    // A board that is claimed is looked at: none is, while nobody can.
    if (!model || !side.runtime.ready(judging, model.manifest.version)) return false;
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
      if (stopping.signal.aborted || error instanceof PicturesAway) return await forgetLook(db, board.id);
      await failLook(db, board.id, error instanceof Error ? error.message : String(error));
      deps.onLook('failed', of.role);
      await side.settled();
    }
    return true;
  }

  async function round(): Promise<void> {
    const of = (await pairingsOf(reads<InferenceTables>(db), judging)).find((pairing) => pairing.role === role);
    const open = await fit(of && sidesOf(of).second);
    if (!open || !of) return;
    for (let count = 0; count < A_ROUND && !stopping.signal.aborted; count += 1) if (!(await lookOnce(open, of))) break;
  }

  const rounds = every(POLL_MS, round, (error) => log.warn({ err: error, role }, 'second looks wait'));
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
