import { type RawBuilder, sql } from 'kysely';
import { BOARD_CLASSES } from '../contracts/defects.ts';
import type { QualityBy, QualityGroup, QualityReport, Rate } from '../contracts/monitoring.ts';
import type { Reads } from '../platform/db/database.ts';
import { CONFIDENCE, wilson } from '../platform/statistics/wilson.ts';
import type { MonitoringTables } from './tables.ts';

export interface Asked {
  model: string;
  /** '*': all. */
  site: string;
  from: Date | null;
  to: Date | null;
}

interface Counted {
  group: string | null;
  boards: number;
  calls: number;
  calls_reviewed: number;
  confirmed: number;
  reclassified: number;
  false_calls: number;
  audits_waiting: number;
  audits_cannot_tell: number;
  audited: number;
  escapes: number;
  missed_defects: number;
}

const DENOMINATORS = {
  boards: 'Boards whose deciding run this model did and whose run ended in the span; every count below belongs to one of them',
  calls_per_board: 'Calls of all these boards, reviewed or not, over these boards',
  false_call_rate:
    'Calls that a person rejected over calls that a person confirmed, renamed or rejected. A call is a finding over its threshold, or so close below it that the board waited. By class: the class that the model gave',
  escape_rate:
    'Audited passes in which a person found a missed defect over audited passes that the person could judge. Audits are drawn from the passes by a hash of the inspection id, never by a score, so the share is that of all passes as long as one share of them was drawn over the span. By class: passes in which a defect of this class was missed, over all audited passes. What is found where two versions disagree is counted under missed and is no escape here: such boards are not drawn by chance. So is what stands where the third of three reviewers could not tell',
};

function rateOf(count: number, n: number): Rate {
  const interval = wilson(count, n);
  return { count, n, value: interval ? count / n : null, low: interval?.low ?? null, high: interval?.high ?? null };
}

function shownGroup(counted: Counted): QualityGroup {
  const { boards, calls, false_calls, calls_reviewed, escapes, audited } = counted;
  return {
    ...counted,
    calls_per_board: boards === 0 ? null : calls / boards,
    false_call_rate: rateOf(false_calls, calls_reviewed),
    escape_rate: rateOf(escapes, audited),
  };
}

/** The last run of each inspection counts, as in the data set: a board that was run again is one board. */
export const boardsOf = ({ model, site, from, to }: Asked): RawBuilder<unknown> => sql`
  model = ${model} AND (${site} = '*' OR site = ${site})
  AND (${from}::timestamptz IS NULL OR finished_at >= ${from}) AND (${to}::timestamptz IS NULL OR finished_at <= ${to})
  AND NOT EXISTS (SELECT FROM monitoring.board n WHERE n.inspection_id = board.inspection_id AND n.operation_id > board.operation_id)`;

/** Of a call; `proposed_class` is what the model said, `class` what it is by now. */
const CALLS = sql`
  count(*)::int AS calls, (count(*) FILTER (WHERE state <> 'proposed'))::int AS calls_reviewed,
  (count(*) FILTER (WHERE state = 'confirmed' AND class = proposed_class))::int AS confirmed,
  (count(*) FILTER (WHERE state = 'confirmed' AND class <> proposed_class))::int AS reclassified,
  (count(*) FILTER (WHERE state = 'rejected'))::int AS false_calls`;

/** An audit that a person could judge. */
const ANSWERED = sql`l.kind = 'audit' AND l.outcome IN ('agrees', 'disagrees')`;
/**
 * A miss that the audit of its board knows of: found by the audit, or standing there when the audit was answered (whoever answered saw it). One that is found
 * at a disagreement after the audit, or on a board without one, is a finding and no escape: such boards are looked at because versions differ, not by chance.
 * So is what stands of an audit of which a third reviewer could not tell who is right.
 */
const STANDS_AT_AUDIT = sql`(m.found_at = 'audit' OR m.created_at < l.reviewed_at)`;

async function countBy(on: Reads<MonitoringTables>, asked: Asked, key: RawBuilder<unknown>): Promise<Counted[]> {
  const { rows } = await sql<Counted>`
    WITH b AS MATERIALIZED (SELECT operation_id, inspection_id, ${key} AS key FROM monitoring.board WHERE ${boardsOf(asked)}),
    boards AS (SELECT key, count(*)::int AS boards FROM b GROUP BY key),
    calls AS (SELECT key, ${CALLS} FROM b JOIN disposition.model_call c USING (operation_id) GROUP BY key),
    audits AS (
      SELECT key, (count(*) FILTER (WHERE l.outcome IS NULL))::int AS audits_waiting,
             (count(*) FILTER (WHERE l.outcome = 'cannot_tell'))::int AS audits_cannot_tell,
             (count(*) FILTER (WHERE l.outcome IN ('agrees', 'disagrees')))::int AS audited,
             (count(*) FILTER (WHERE l.outcome IN ('agrees', 'disagrees') AND m.missed > 0))::int AS escapes,
             coalesce(sum(m.missed) FILTER (WHERE l.outcome IN ('agrees', 'disagrees')), 0)::int AS missed_defects
      FROM b JOIN disposition.look_taken l ON l.operation_id = b.operation_id AND l.kind = 'audit'
      CROSS JOIN LATERAL (
        SELECT count(*) AS missed FROM disposition.missed_defect m
        WHERE m.inspection_id = l.inspection_id AND m.state = 'confirmed' AND ${STANDS_AT_AUDIT}) m
      GROUP BY key),
    others AS (
      SELECT key, count(*)::int AS beside FROM b JOIN disposition.missed_defect m USING (inspection_id)
      WHERE m.state = 'confirmed' AND NOT EXISTS (
        SELECT FROM disposition.look_taken l WHERE l.operation_id = b.operation_id AND ${ANSWERED} AND ${STANDS_AT_AUDIT})
      GROUP BY key)
    SELECT boards.key AS "group", boards.boards, coalesce(calls.calls, 0) AS calls, coalesce(calls_reviewed, 0) AS calls_reviewed,
           coalesce(confirmed, 0) AS confirmed, coalesce(reclassified, 0) AS reclassified, coalesce(false_calls, 0) AS false_calls,
           coalesce(audits_waiting, 0) AS audits_waiting, coalesce(audits_cannot_tell, 0) AS audits_cannot_tell,
           coalesce(audited, 0) AS audited, coalesce(escapes, 0) AS escapes, coalesce(missed_defects, 0) + coalesce(beside, 0) AS missed_defects
    FROM boards LEFT JOIN calls ON calls.key IS NOT DISTINCT FROM boards.key LEFT JOIN audits ON audits.key IS NOT DISTINCT FROM boards.key
      LEFT JOIN others ON others.key IS NOT DISTINCT FROM boards.key
    ORDER BY boards.key NULLS LAST`.execute(on);
  return rows;
}

/** A class has its own calls and misses; the boards and the audits are those of all classes. */
async function countByClass(on: Reads<MonitoringTables>, asked: Asked, total: Counted): Promise<Counted[]> {
  const calls = await sql<Counted & { group: string }>`
    SELECT c.proposed_class AS "group", ${CALLS} FROM disposition.model_call c
    WHERE c.operation_id IN (SELECT operation_id FROM monitoring.board WHERE ${boardsOf(asked)}) GROUP BY c.proposed_class`.execute(on);
  const missed = await sql<{ group: string; escapes: number; missed_defects: number }>`
    SELECT m.class AS "group", (count(DISTINCT m.inspection_id) FILTER (WHERE l.inspection_id IS NOT NULL))::int AS escapes, count(*)::int AS missed_defects
    FROM (SELECT operation_id, inspection_id FROM monitoring.board WHERE ${boardsOf(asked)}) b
    JOIN disposition.missed_defect m ON m.inspection_id = b.inspection_id AND m.state = 'confirmed'
    LEFT JOIN disposition.look_taken l ON l.operation_id = b.operation_id AND ${ANSWERED} AND ${STANDS_AT_AUDIT} GROUP BY m.class`.execute(
    on,
  );
  return BOARD_CLASSES.map((group) => ({
    ...total,
    ...{ calls: 0, calls_reviewed: 0, confirmed: 0, reclassified: 0, false_calls: 0, escapes: 0, missed_defects: 0 },
    ...calls.rows.find((row) => row.group === group),
    ...missed.rows.find((row) => row.group === group),
    group,
  }));
}

const NOTHING: Counted = {
  group: null,
  boards: 0,
  calls: 0,
  calls_reviewed: 0,
  confirmed: 0,
  reclassified: 0,
  false_calls: 0,
  audits_waiting: 0,
  audits_cannot_tell: 0,
  audited: 0,
  escapes: 0,
  missed_defects: 0,
};

const KEYS: Record<Exclude<QualityBy, 'class'>, RawBuilder<unknown>> = {
  station: sql`station_id`,
  recipe: sql`recipe`,
  version: sql`version::text`,
  site: sql`site`,
};

/** The shares of passes that were drawn for an audit in the span, the smallest first. */
async function sharesOf(on: Reads<MonitoringTables>, asked: Asked): Promise<number[]> {
  const { rows } = await sql<{ share: number }>`
    SELECT DISTINCT l.share FROM disposition.look_taken l
    WHERE l.kind = 'audit' AND l.share IS NOT NULL AND l.operation_id IN (SELECT operation_id FROM monitoring.board WHERE ${boardsOf(asked)})
    ORDER BY l.share`.execute(on);
  return rows.map(({ share }) => share);
}

/** Whether an escape rate over the span is that of its passes. A time in which none was drawn leaves no trace, so of it nothing is said. */
function sharesInWords(shares: readonly number[]): string {
  const named = shares.map((share) => `${Number((share * 100).toPrecision(3))} %`).join(', ');
  if (shares.length < 2) return shares.length === 0 ? 'No audit was drawn in this span' : `One share was drawn in this span: ${named}`;
  return `The share was changed within this span (${named}): times of a larger share weigh more than their passes do, so ask for the time of each share by itself`;
}

/** False calls and escapes, by one way of grouping. Bounded by the statement's time: a span of months on a large plant is asked for in parts. */
export async function readQuality(on: Reads<MonitoringTables>, asked: Asked & { by: QualityBy }): Promise<QualityReport> {
  const { model, by, from, to } = asked;
  const [total = NOTHING] = await countBy(on, asked, sql`NULL::text`);
  const groups = by === 'class' ? await countByClass(on, asked, total) : await countBy(on, asked, KEYS[by]);
  return {
    model,
    by,
    from: from?.toISOString() ?? null,
    to: to?.toISOString() ?? null,
    confidence: CONFIDENCE,
    denominators: { ...DENOMINATORS, escape_rate: `${DENOMINATORS.escape_rate}. ${sharesInWords(await sharesOf(on, asked))}` },
    total: shownGroup(total),
    groups: groups.map(shownGroup),
  };
}
