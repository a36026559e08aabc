import type { PlatformEvent } from '../contracts/events.ts';
import { FALSE_CALL_LIMIT, recentRate, stepFalseCalls } from './false-calls.ts';
import { valuesOf } from './features.ts';
import { type Crossing, type Raised, raiseAlarms } from './raise-alarm.ts';
import { currentOf, type Finding, type Watch, watchBoard } from './watch.ts';
import { loadWatch, type Place, saveWatch, type Tx } from './watch-store.ts';

const NOTHING: Raised = { events: [], audit: [] };

function crossingOf(watch: Watch, finding: Finding): Crossing {
  const sums = currentOf(watch.state).sums[finding.feature];
  return {
    ...finding,
    baseline_mean: watch.baseline?.features[finding.feature]?.mean ?? null,
    current_mean: sums ? sums.sum / sums.n : null,
    boards: watch.state.boards,
  };
}

/** Nothing judges a cancelled board: its calls stand nowhere, and counted it would lower the calls a board. */
async function wasCancelled(tx: Tx, inspectionId: string): Promise<boolean> {
  const found = tx.selectFrom('intake.inspection_now').select('status').where('id', '=', inspectionId);
  return (await found.executeTakeFirst())?.status === 'cancelled';
}

/** A deciding run has ended: its board is counted, and held against the baseline of its station. */
export async function observeBoard(tx: Tx, event: PlatformEvent<'inference.completed'>, baselineBoards: number): Promise<Raised> {
  const { operation_id, inspection_id, lot_id, station_id, model, version, candidates, thresholds } = event.payload;
  const { site } = event;
  if (await wasCancelled(tx, inspection_id)) return NOTHING;
  const place: Place | null = station_id === null ? null : { site, station_id, model, version };
  const watch = place ? await loadWatch(tx, place) : null;
  const before = await tx
    .selectFrom('monitoring.board')
    .select('operation_id')
    .where('inspection_id', '=', inspection_id)
    .executeTakeFirst();
  const run = await tx
    .selectFrom('inference.provenance')
    .select(['recipe_product', 'recipe_version', 'reference_sha256', 'features', 'finished_at'])
    .where('operation_id', '=', operation_id)
    .executeTakeFirst();
  const calls = candidates.filter((one) => one.score >= (thresholds[one.class] ?? 0)).length;
  const bestScore = candidates.reduce((best, { score }) => Math.max(best, score), 0);
  const finished_at = run?.finished_at ?? new Date(event.occurred_at);
  const recipe = run?.recipe_version == null ? null : `${run.recipe_product || 'every product'} ${run.recipe_version}`;
  await tx
    .insertInto('monitoring.board')
    .values({
      ...{ operation_id, inspection_id, site, lot_id, station_id, model, version, recipe, calls, finished_at },
      reference_sha256: run?.reference_sha256 ?? null,
      features: run?.features ? JSON.stringify(run.features) : null,
      best_score: candidates.length === 0 ? null : bestScore,
    })
    .onConflict((on) => on.column('operation_id').doNothing())
    .execute();
  // Run again: the station has shown nothing new.
  if (!place || !watch || before) return NOTHING;
  const learning = watch.baseline === null;
  const values = valuesOf(run?.features, { bestScore, calls });
  const seen = { at: finished_at.toISOString(), reference: run?.reference_sha256 ?? '', values };
  const findings = watchBoard(watch, seen, baselineBoards);
  const crossings = findings.map((finding) => crossingOf(watch, finding));
  await saveWatch(tx, place, watch, learning && watch.baseline !== null);
  return await raiseAlarms(tx, place, crossings);
}

/** A person has reviewed a call of a model for the first time: a mind that changes later does not count twice. */
export async function observeReview(tx: Tx, event: PlatformEvent<'defect.reviewed'>): Promise<Raised> {
  const { defect_id, station_id, decision } = event.payload;
  const call = await tx
    .selectFrom('disposition.model_call as c')
    .innerJoin('inference.provenance as p', 'p.operation_id', 'c.operation_id')
    .select(['p.model', 'p.version'])
    .where('c.id', '=', defect_id)
    .executeTakeFirst();
  if (!call || station_id === null) return NOTHING;
  const place: Place = { site: event.site, station_id, ...call };
  const watch = await loadWatch(tx, place);
  const { falseCalls } = watch.state;
  const crossed = stepFalseCalls(falseCalls, decision === 'reject');
  await saveWatch(tx, place, watch, false);
  if (!crossed) return NOTHING;
  return await raiseAlarms(tx, place, [
    {
      ...{ detector: 'false_calls', feature: null, direction: 'up', value: falseCalls.sum, limit: FALSE_CALL_LIMIT },
      baseline_mean: falseCalls.rate,
      current_mean: recentRate(falseCalls),
      boards: watch.state.boards,
    },
  ]);
}
