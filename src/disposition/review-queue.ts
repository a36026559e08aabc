import { sql } from 'kysely';
import { SEVERITIES } from '../contracts/defects.ts';
import { presentInspection } from '../contracts/inspection-record.ts';
import type { Caller } from '../contracts/permissions.ts';
import { isCount } from '../contracts/primitives.ts';
import { REVIEW_KINDS, type ReviewItem, type ReviewKind } from '../contracts/review.ts';
import type { Reads } from '../platform/db/database.ts';
import { isUuid } from '../platform/id.ts';
import { defectsOf, shownDefect } from './defects.ts';
import { disagreementsOf } from './disagreement-looks.ts';
import { decides, onlyName, repeatsOf } from './repeats.ts';
import type { DispositionTables, InspectionRow } from './tables.ts';

/** Where a page ended: place of the kind, worst severity (0 without a defect, 4 critical), best score (-1 without), id (UUIDv7: the oldest first). */
export type QueuePosition = [kind: number, rank: number, score: number, id: string];

export interface QueueRow extends InspectionRow {
  kind: ReviewKind;
  why: string;
  since: Date;
  worst_rank: number;
  best_score: number;
  disagreement_id: string | null;
}

/** Defects that an item of the queue shows. */
const DEFECTS_SHOWN = 50;

export function queuePosition(value: unknown): QueuePosition | undefined {
  if (!Array.isArray(value) || value.length !== 4) return undefined;
  const [kind, rank, score, id] = value as unknown[];
  if (!isCount(kind) || !isCount(rank) || typeof score !== 'number') return undefined;
  return typeof id === 'string' && isUuid(id) ? [kind, rank, score, id] : undefined;
}
export const positionOf = (row: QueueRow): QueuePosition => [REVIEW_KINDS.indexOf(row.kind), row.worst_rank, row.best_score, row.id];

const behind = (after: QueuePosition | null) =>
  after === null ? sql`true` : sql`(-worst_rank, -best_score, id) > (${-after[1]}::int, ${-after[2]}::float8, ${after[3]}::uuid)`;

/**
 * Waiting inspections, worst first. All that wait are weighed for every page: they are read from a partial index on the state, and their proposed
 * defects by a partial index each; a queue of a thousand takes some 10 ms, and one that is longer has another problem.
 */
async function readWaiting(on: Reads<DispositionTables>, site: string, after: QueuePosition | null, limit: number): Promise<QueueRow[]> {
  const { rows } = await sql<QueueRow>`
    SELECT * FROM (
      SELECT i.*, 'waiting' AS kind, coalesce(i.reason, 'uncertain') AS why, i.updated_at AS since,
             coalesce(d.worst_rank, 0) AS worst_rank, coalesce(d.best_score, -1) AS best_score, NULL::uuid AS disagreement_id
      FROM intake.inspection_now i
      LEFT JOIN LATERAL (
        SELECT max(array_position(ARRAY['low', 'medium', 'high', 'critical'], severity)) AS worst_rank, max(score) AS best_score
        FROM disposition.defect WHERE inspection_id = i.id AND state = 'proposed') d ON true
      WHERE i.status = 'awaiting_review' AND (${site} = '*' OR i.site = ${site})) q
    WHERE ${behind(after)} ORDER BY -worst_rank, -best_score, id LIMIT ${limit}`.execute(on);
  return rows;
}

/** Looks of one kind that nobody has taken yet: a walk along `look_open`. */
async function readLooks(
  on: Reads<DispositionTables>,
  kind: ReviewKind,
  site: string,
  after: QueuePosition | null,
  limit: number,
): Promise<QueueRow[]> {
  const from =
    after === null ? sql`true` : sql`(-rank, -score, inspection_id) > (${-after[1]}::int, ${-after[2]}::float8, ${after[3]}::uuid)`;
  const { rows } = await sql<QueueRow>`
    SELECT i.*, l.kind, l.why, l.asked_at AS since, l.rank AS worst_rank, l.score AS best_score, l.disagreement_id
    FROM (SELECT * FROM disposition.look WHERE outcome IS NULL AND kind = ${kind} AND (${site} = '*' OR site = ${site}) AND ${from}
          ORDER BY -rank, -score, inspection_id LIMIT ${limit}) l
    JOIN intake.inspection_now i ON i.id = l.inspection_id ORDER BY -l.rank, -l.score, l.inspection_id`.execute(on);
  return rows;
}

/** Audits that are asked again of this caller: never of who answered, and where two differ of who decides. The oldest first; they are few. */
async function readRepeats(on: Reads<DispositionTables>, caller: Caller, after: QueuePosition | null, limit: number): Promise<QueueRow[]> {
  const { site, subject } = caller;
  const name = onlyName(caller.name);
  const { rows } = await sql<QueueRow>`
    SELECT i.*, 'repeat' AS kind, r.state || '_opinion' AS why, r.asked_at AS since, 0 AS worst_rank, -1 AS best_score, NULL::uuid AS disagreement_id
    FROM (SELECT * FROM disposition.repeat
           WHERE state <> 'done' AND (${site} = '*' OR site = ${site}) AND first_subject NOT IN (${subject}, ${name})
             AND coalesce(second_subject, '') NOT IN (${subject}, ${name})
             AND (state = 'second' OR ${decides(caller)}) AND (${after?.[3] ?? null}::uuid IS NULL OR inspection_id > ${after?.[3] ?? null}::uuid)
           ORDER BY inspection_id LIMIT ${limit}) r
    JOIN intake.inspection_now i ON i.id = r.inspection_id ORDER BY r.inspection_id`.execute(on);
  return rows;
}

/** What holds up a unit first, then looks that hold up none, by kind; worst first within each. */
export async function readQueue(
  on: Reads<DispositionTables>,
  { caller, kind: only }: { caller: Caller; kind: ReviewKind | null },
  after: QueuePosition | null,
  limit: number,
): Promise<QueueRow[]> {
  const found: QueueRow[] = [];
  for (const [place, kind] of REVIEW_KINDS.entries()) {
    if (found.length >= limit) break;
    if ((only !== null && only !== kind) || (after !== null && place < after[0])) continue;
    const within = after !== null && place === after[0] ? after : null;
    const left = limit - found.length;
    if (kind === 'waiting') found.push(...(await readWaiting(on, caller.site, within, left)));
    else if (kind === 'repeat') found.push(...(await readRepeats(on, caller, within, left)));
    else found.push(...(await readLooks(on, kind, caller.site, within, left)));
  }
  return found;
}

/** The items of a page with their defects, what two versions disagree about, and what is asked again; the second of two reviewers is not shown what the first marked. */
export async function queueItems(on: Reads<DispositionTables>, rows: readonly QueueRow[]): Promise<ReviewItem[]> {
  const defects = await defectsOf(
    on,
    rows.map(({ id }) => id),
    DEFECTS_SHOWN,
  );
  const disagreements = await disagreementsOf(
    on,
    rows.flatMap(({ disagreement_id }) => disagreement_id ?? []),
  );
  const repeats = await repeatsOf(
    on,
    rows.flatMap(({ kind, id }) => (kind === 'repeat' ? id : [])),
  );
  const shownTo = ({ id, kind }: QueueRow) =>
    (defects.get(id) ?? []).filter(({ source }) => kind !== 'repeat' || source !== 'person' || repeats.get(id)?.turn === 'third');
  return rows.map((row) => ({
    kind: row.kind,
    inspection: presentInspection(row),
    why: row.why,
    worst_severity: SEVERITIES[row.worst_rank - 1] ?? null,
    worst_score: row.best_score < 0 ? null : row.best_score,
    waiting_since: row.since.toISOString(),
    defects: shownTo(row).map(shownDefect),
    disagreement: row.disagreement_id === null ? null : (disagreements.get(row.disagreement_id) ?? null),
    repeat: row.kind === 'repeat' ? (repeats.get(row.id) ?? null) : null,
  }));
}
