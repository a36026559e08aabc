import { sql } from 'kysely';
import type { MeasurementLimit } from '../contracts/masterdata.ts';
import { CLOCK_MS } from '../platform/db/partitions.ts';
import { uuidv7 } from '../platform/id.ts';
import { join, lockInspection, nothingWritten, type Tx, termsOf, type Written } from './case.ts';
import { judgeMeasurement, judgeMeasurements, type Outcome } from './limits.ts';
import type { Policy } from './rules.ts';
import { severityOf } from './severity.ts';
import type { InspectionRow } from './tables.ts';
import { giveVerdict, letWait } from './verdict.ts';

/** Waiting reasons that new measurements may settle. */
const SETTLED_BY_VALUES = ['no_limits', 'input_timeout'];

function openToValues({ inspection_type, status, reason }: InspectionRow): boolean {
  if (inspection_type === 'visual') return false;
  return status === 'pending' || status === 'in_progress' || (status === 'awaiting_review' && SETTLED_BY_VALUES.includes(reason ?? ''));
}

/** Keeps what each value was judged by; values judged before keep their first outcome. Answers those that are newly out of limits. */
async function keepOutcomes(tx: Tx, outcomes: readonly Outcome[]): Promise<Outcome[]> {
  const judged = outcomes.flatMap(({ measurement, limits, inLimits }) =>
    limits === null || inLimits === null
      ? []
      : [
          {
            measurement_id: measurement.id,
            lsl: limits.lsl,
            usl: limits.usl,
            target: limits.target,
            limits_from: limits.from,
            in_limits: inLimits,
          },
        ],
  );
  if (judged.length === 0) return [];
  const { rows } = await sql<{ measurement_id: string }>`
    INSERT INTO disposition.measurement_judgement (measurement_id, lsl, usl, target, limits_from, in_limits)
    SELECT * FROM jsonb_to_recordset(${JSON.stringify(judged)}::jsonb)
      AS j (measurement_id uuid, lsl float8, usl float8, target float8, limits_from text, in_limits boolean)
    ON CONFLICT (measurement_id) DO NOTHING RETURNING measurement_id`.execute(tx);
  const fresh = new Set(rows.map((row) => row.measurement_id));
  return outcomes.filter(({ measurement, inLimits }) => inLimits === false && fresh.has(measurement.id));
}

async function keepDefects(tx: Tx, inspection: InspectionRow, out: readonly Outcome[], policy: Policy): Promise<void> {
  if (out.length === 0) return;
  await tx
    .insertInto('disposition.defect')
    .values(
      out.map(({ measurement }) => ({
        id: uuidv7(),
        inspection_id: inspection.id,
        site: inspection.site,
        station_id: inspection.station_id,
        class: 'out_of_limits' as const,
        proposed_class: 'out_of_limits' as const,
        severity: severityOf('out_of_limits', policy.rules),
        score: null,
        x: null,
        y: null,
        width: null,
        height: null,
        characteristic: measurement.characteristic,
        source: 'measurement' as const,
        operation_id: null,
        reviewed_by: null,
        reviewed_at: null,
        review_reason: null,
      })),
    )
    .execute();
}

const measuredFor = (tx: Tx, { id, created_at }: InspectionRow) =>
  tx
    .selectFrom('intake.measured')
    .selectAll()
    .where('inspection_id', '=', id)
    .where('created_at', '>=', new Date(created_at.getTime() - CLOCK_MS))
    .orderBy('id')
    .execute();

/** How many of these values were held against limits. */
async function judgedOf(tx: Tx, ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0;
  const judged = tx.selectFrom('disposition.measurement_judgement').select('measurement_id').where('measurement_id', 'in', ids);
  return (await judged.execute()).length;
}

/** How many values that came since then limits can judge and have not judged: their word is on the way, and no other verdict may overtake it. */
export async function valuesOnTheWay(tx: Tx, inspection: InspectionRow, limits: readonly MeasurementLimit[], since: Date): Promise<number> {
  if (!openToValues(inspection)) return 0;
  const fresh = (await measuredFor(tx, inspection)).filter(({ created_at }) => created_at > since);
  const ids = fresh.filter((value) => judgeMeasurement(value, limits).inLimits !== null).map(({ id }) => id);
  return ids.length - (await judgedOf(tx, ids));
}

/** Whether a value was never judged, because nobody has limits for it. Of a visual inspection values say nothing. */
export async function hasUnjudgedValues(tx: Tx, inspection: InspectionRow): Promise<boolean> {
  if (inspection.inspection_type === 'visual') return false;
  const ids = (await measuredFor(tx, inspection)).map(({ id }) => id);
  return ids.length > (await judgedOf(tx, ids));
}

/** All that was measured for this inspection is judged together. Null: late, or not judged by measurements. */
export async function applyMeasurements(tx: Tx, inspectionId: string): Promise<Written | null> {
  const inspection = await lockInspection(tx, inspectionId);
  if (!inspection || !openToValues(inspection)) return null;
  const { policy, limits } = await termsOf(tx, inspection);
  const judgement = judgeMeasurements(await measuredFor(tx, inspection), limits, policy);
  const out = await keepOutcomes(tx, judgement.outcomes);
  await keepDefects(tx, inspection, out, policy);
  if (judgement.kind === 'wait')
    return inspection.status === 'awaiting_review' ? null : await letWait(tx, inspection, judgement.reason, judgement.detail);
  return await giveVerdict(tx, inspection, {
    verdict: judgement.verdict,
    reason: judgement.reason,
    by: 'limits',
    actor: 'limits',
    byHand: false,
    policy,
    operationId: null,
    worst: out.length > 0 ? severityOf('out_of_limits', policy.rules) : null,
    defects: out.length,
  });
}

/**
 * Values that were posted before their lot had limits are judged once it has: at most `limit` inspections behind an id. Null: there is none any more.
 * One that was seen before and still waits is left as it is.
 */
export async function applyLimits(
  tx: Tx,
  lot: { site: string; lot_id: string },
  behind: string,
  limit: number,
): Promise<{ written: Written; last: string } | null> {
  const waiting = await tx
    .selectFrom('intake.inspection_now')
    .select('id')
    .where('site', '=', lot.site)
    .where('lot_id', '=', lot.lot_id)
    .where('inspection_type', '<>', 'visual')
    .where('status', '=', 'awaiting_review')
    .where('reason', 'in', SETTLED_BY_VALUES)
    .where('id', '>', behind)
    .orderBy('id')
    .limit(limit)
    .execute();
  const last = waiting.at(-1)?.id;
  if (last === undefined) return null;
  const written: Written[] = [];
  for (const { id } of waiting) written.push((await applyMeasurements(tx, id)) ?? nothingWritten());
  return { written: join(...written), last };
}
