import { sql } from 'kysely';
import type { Candidate } from '../../contracts/inference.ts';
import { lotKey } from '../../contracts/lot-id.ts';
import { type Database, type Reads, reads } from '../../platform/db/database.ts';
import type { Decided, Door } from '../../platform/db/door.ts';
import { uuidv7 } from '../../platform/id.ts';
import type { InferenceTables } from '../tables.ts';
import { callsOf, compareCalls } from './agreement.ts';
import { systemCause } from './registry.ts';

/** Who looks at which boards a second time. */
export interface Pairing {
  role: 'shadow' | 'canary';
  model: string;
  production: number;
  candidate: number;
  /** When the candidate's stage began: boards of before are not looked at. */
  since: Date;
}

/** The version whose board it is, and the one that looks a second time. */
export const sidesOf = ({ role, production, candidate }: Pairing): { judged: number; second: number } =>
  role === 'shadow' ? { judged: production, second: candidate } : { judged: candidate, second: production };

export async function pairingsOf(on: Reads<InferenceTables>, model: string): Promise<Pairing[]> {
  const rows = await on
    .selectFrom('inference.model_version')
    .select(['version', 'stage', 'stage_since'])
    .where('model', '=', model)
    .where('stage', 'in', ['shadow', 'canary', 'production'])
    .execute();
  const production = rows.find(({ stage }) => stage === 'production')?.version;
  if (production === undefined) return [];
  return rows.flatMap(({ stage, version, stage_since }) =>
    stage === 'canary' || stage === 'shadow' ? [{ role: stage, model, production, candidate: version, since: stage_since }] : [],
  );
}

export interface SecondLook {
  id: string;
  operation_id: string;
  site: string;
  lot_id: string;
  image_sha256: string;
  reference_sha256: string;
  candidates: Candidate[];
  thresholds: Record<string, number>;
  recipe: { thresholds: Record<string, number> } | null;
}

/**
 * Takes the newest board that waits for its second look. Nothing is queued when a board is judged: what waits are the newest `backlog` boards that this
 * pairing has not seen, and whatever is older is dropped. So a judged board costs the same whether somebody looks on or not.
 *
 * Plan (PostgreSQL 18): run_judged backwards from now for at most `backlog` rows, each looked up in the unique index of comparisons.
 */
export async function claimLook(db: Database, of: Pairing, backlog: number): Promise<SecondLook | null> {
  const { judged } = sidesOf(of);
  const { rows } = await sql<SecondLook>`
    WITH waiting AS (
      SELECT operation_id, inspection_id, version, role, image_sha256, reference_sha256, candidates, thresholds, recipe_product, recipe_version, finished_at
        FROM inference.run WHERE model = ${of.model} AND decides AND finished_at > ${of.since} ORDER BY finished_at DESC LIMIT ${backlog}),
    next AS (
      SELECT w.*, j.site, j.lot_id, j.station_id FROM waiting w JOIN inference.job j USING (operation_id)
       WHERE w.version = ${judged}
         AND NOT EXISTS (SELECT FROM inference.comparison c WHERE c.operation_id = w.operation_id
                           AND c.production_version = ${of.production} AND c.candidate_version = ${of.candidate})
       ORDER BY w.finished_at DESC LIMIT 1),
    taken AS (
      INSERT INTO inference.comparison (id, operation_id, model, role, production_version, candidate_version, stage_since, inspection_id, site, lot_id, station_id)
      SELECT ${uuidv7()}::uuid, operation_id, ${of.model}, ${of.role}, ${of.production}, ${of.candidate}, ${of.since}, inspection_id, site, lot_id, station_id
        FROM next ON CONFLICT DO NOTHING RETURNING id)
    SELECT taken.id, n.operation_id, n.site, n.lot_id, n.image_sha256, n.reference_sha256, n.candidates, n.thresholds,
           (SELECT to_jsonb(r) FROM inference.recipe r
             WHERE r.model = ${of.model} AND r.product = coalesce(n.recipe_product, '') AND r.version = n.recipe_version) AS recipe
      FROM next n, taken`.execute(reads<InferenceTables>(db));
  return rows[0] ?? null;
}

/** What events say of a disagreement. */
export const toldOf = (row: {
  id: string;
  inspection_id: string;
  lot_id: string;
  station_id: string | null;
  model: string;
  production_version: number;
  candidate_version: number;
}) => ({
  inspection_id: row.inspection_id,
  lot_id: row.lot_id,
  station_id: row.station_id,
  disagreement_id: row.id,
  model: row.model,
  production_version: row.production_version,
  candidate_version: row.candidate_version,
});

/** Keeps what the second look found, and where it differs; a disagreement is told of in the same commit. */
export async function endLook(
  door: Door,
  of: Pairing,
  { id, candidates: first, thresholds: under }: SecondLook,
  found: { candidates: Candidate[]; thresholds: Record<string, number>; inferMs: number },
): Promise<boolean> {
  const [judged, second] = [callsOf(first, under), callsOf(found.candidates, found.thresholds)];
  const [production, candidate] = of.role === 'shadow' ? [judged, second] : [second, judged];
  const { agrees, cells, differences } = compareCalls(production, candidate);
  const calls_differ = cells.reduce((sum, cell) => sum + (cell.production === cell.candidate ? 0 : cell.calls), 0);
  return await door.change<InferenceTables, boolean>(systemCause(), async (tx): Promise<Decided<boolean>> => {
    const row = await tx
      .updateTable('inference.comparison')
      .set({
        state: 'done',
        candidates: JSON.stringify(found.candidates),
        thresholds: JSON.stringify(found.thresholds),
        agrees,
        cells: JSON.stringify(cells),
        differences: JSON.stringify(differences),
        production_calls: production.length,
        candidate_calls: candidate.length,
        infer_ms: found.inferMs,
      })
      .where('id', '=', id)
      .where('state', '=', 'running')
      .returningAll()
      .executeTakeFirst();
    if (!row || agrees) return { result: agrees, events: [], audit: [] };
    const { site, version } = row;
    const payload = { ...toldOf(row), role: of.role, calls_differ };
    const aggregate = { type: 'model_disagreement', id, version };
    return { result: agrees, events: [{ type: 'model.disagreed', site, key: lotKey(row), aggregate, payload }], audit: [] };
  });
}

export async function failLook(db: Database, id: string, error: string): Promise<void> {
  await reads<InferenceTables>(db)
    .updateTable('inference.comparison')
    .set({ state: 'failed', error: error.slice(0, 500) })
    .where('id', '=', id)
    .execute();
}

/** A look that a stop of this process or a store that is away broke off: another process, or the next start, may take the board again. @returns false */
export async function forgetLook(db: Database, id: string): Promise<false> {
  await reads<InferenceTables>(db).deleteFrom('inference.comparison').where('id', '=', id).execute();
  return false;
}
