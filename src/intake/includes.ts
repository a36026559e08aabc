import type { Defect } from '../contracts/defects.ts';
import type { Candidate, InferenceRun, InputFeatures } from '../contracts/inference.ts';
import type { Include, Inspection } from '../contracts/inspections.ts';
import type { Reads } from '../platform/db/database.ts';
import { CLOCK_MS } from '../platform/db/partitions.ts';
import { presentArtifact } from './artifact.ts';
import { presentMeasurement } from './measurement.ts';
import type { IntakeTables } from './tables.ts';

/** `defects,artifacts` -> the wished parts; the schema has judged the words. */
export const includesOf = (text: string | undefined): ReadonlySet<Include> =>
  new Set(text === undefined ? [] : (text.split(',') as Include[]));

function presentDefect(row: IntakeTables['disposition.finding']): Defect {
  const { x, y, width, height } = row;
  return {
    id: row.id,
    inspection_id: row.inspection_id,
    class: row.class as Defect['class'],
    severity: row.severity as Defect['severity'],
    score: row.score,
    box: x === null || y === null || width === null || height === null ? null : { x, y, width, height },
    state: row.state as Defect['state'],
    source: row.source as Defect['source'],
    operation_id: row.operation_id,
    characteristic: row.characteristic,
    proposed_class: row.proposed_class as Defect['proposed_class'],
    reviewed_by: row.reviewed_by,
    reviewed_at: row.reviewed_at?.toISOString() ?? null,
    review_reason: row.review_reason,
    version: row.version,
    created_at: row.created_at.toISOString(),
  };
}

function presentRun(row: IntakeTables['inference.provenance']): InferenceRun {
  return {
    operation_id: row.operation_id,
    model: row.model,
    version: row.version,
    model_sha256: row.model_sha256,
    runtime: row.runtime,
    thresholds: row.thresholds,
    recipe: row.recipe_version === null ? null : { product: row.recipe_product, version: row.recipe_version },
    input_sha256: { image: row.image_sha256, reference: row.reference_sha256 },
    candidates: row.candidates as Candidate[],
    timings_ms: row.timings_ms,
    features: row.features as InputFeatures | null,
    finished_at: row.finished_at.toISOString(),
  };
}

function gather<Row, Shown>(rows: readonly Row[], idOf: (row: Row) => string, show: (row: Row) => Shown): (id: string) => Shown[] {
  const found = new Map<string, Shown[]>();
  for (const row of rows) {
    const list = found.get(idOf(row));
    if (list) list.push(show(row));
    else found.set(idOf(row), [show(row)]);
  }
  return (id) => found.get(id) ?? [];
}

/**
 * When these inspections can have been measured: not before they were made, and not after they were settled. Measurements are cut into months by
 * time, and only the months that are named are looked into.
 */
function measuredWithin(of: readonly Inspection[]): { from: Date; to: Date } {
  let [from, to] = [Number.POSITIVE_INFINITY, 0];
  for (const { status, created_at, updated_at } of of) {
    from = Math.min(from, Date.parse(created_at));
    to = Math.max(to, status === 'completed' || status === 'cancelled' ? Date.parse(updated_at) : Date.now());
  }
  return { from: new Date(from - CLOCK_MS), to: new Date(to + CLOCK_MS) };
}

/** Adds the wished parts to the records of a page: one query a part, whatever the number of records. */
export async function withIncludes(on: Reads<IntakeTables>, of: Inspection[], wished: ReadonlySet<Include>): Promise<Inspection[]> {
  if (wished.size === 0 || of.length === 0) return of;
  const ids = of.map(({ id }) => id);
  const measured = measuredWithin(of);
  const [defects, artifacts, measurements, runs] = await Promise.all([
    wished.has('defects')
      ? on.selectFrom('disposition.finding').selectAll().where('inspection_id', 'in', ids).orderBy('id').execute()
      : null,
    wished.has('artifacts') ? on.selectFrom('intake.artifact').selectAll().where('inspection_id', 'in', ids).orderBy('id').execute() : null,
    wished.has('measurements')
      ? on
          .selectFrom('intake.measurement as m')
          .leftJoin('disposition.measurement_outcome as o', 'o.measurement_id', 'm.id')
          .selectAll('m')
          .select(['o.limits_from', 'o.in_limits', 'o.lsl as judged_lsl', 'o.usl as judged_usl', 'o.target as judged_target'])
          .where('m.inspection_id', 'in', ids)
          .where('m.created_at', '>=', measured.from)
          .where('m.created_at', '<=', measured.to)
          .orderBy('m.id')
          .execute()
      : null,
    wished.has('inference')
      ? on
          .selectFrom('inference.provenance')
          .selectAll()
          .where('inspection_id', 'in', ids)
          .orderBy('finished_at')
          .orderBy('operation_id')
          .execute()
      : null,
  ]);
  const idOf = (row: { inspection_id: string }) => row.inspection_id;
  const defectsOf = defects && gather(defects, idOf, presentDefect);
  const artifactsOf = artifacts && gather(artifacts, idOf, presentArtifact);
  const measurementsOf = measurements && gather(measurements, idOf, (row) => presentMeasurement(row, row));
  const runsOf = runs && gather(runs, idOf, presentRun);
  return of.map((one) => ({
    ...one,
    ...(defectsOf ? { defects: defectsOf(one.id) } : {}),
    ...(artifactsOf ? { artifacts: artifactsOf(one.id) } : {}),
    ...(measurementsOf ? { measurements: measurementsOf(one.id) } : {}),
    ...(runsOf ? { inference: runsOf(one.id) } : {}),
  }));
}
