import { sql } from 'kysely';
import type { Reads } from '../platform/db/database.ts';
import type { MonitoringTables } from './tables.ts';

export interface DatasetAsked {
  model: string | null;
  /** '*': all. */
  site: string;
  from: Date | null;
  to: Date | null;
}

/** Inspections of one export: more are asked for by their time. */
export const MOST_LINES = 100_000;
/** Boards a statement, reviewed or not: each is short, however few of them anybody looked at. */
const PIECE = 1000;

interface Box {
  defect_id: string;
  class: string;
  said: string | null;
  score: number | null;
  decision: 'confirmed' | 'reclassified' | 'rejected' | 'missed';
  box: { x: number; y: number; width: number; height: number };
  reviewer: string;
  reviewed_at: string;
  reason: string | null;
}

/** One inspection with what people decided about it. */
export interface DatasetLine {
  inspection_id: string;
  /** `audit`: never train on it. */
  split: 'train' | 'audit';
  image: { sha256: string; link: string | null };
  reference: { sha256: string };
  boxes: Box[];
  audit: { outcome: string; reviewer: string; reviewed_at: string; note: string | null } | null;
  /** How far a person looked: over the whole picture (what is not boxed is nothing), at every call, or at some of them. */
  looked: 'picture' | 'calls' | 'some_calls';
  provenance: {
    site: string;
    lot_id: string;
    station_id: string | null;
    operation_id: string;
    model: string;
    version: number;
    model_sha256: string;
    thresholds: Record<string, number>;
    recipe: string | null;
    features: Record<string, unknown> | null;
    finished_at: string;
  };
}

type Row = Omit<DatasetLine, 'split' | 'image' | 'reference' | 'provenance'> &
  DatasetLine['provenance'] & { image_sha256: string; artifact_id: string | null; reference_sha256: string; drawn: boolean };

/** RFC 3339 in UTC, as the API has it, whatever time zone the database is set to: the same decisions are the same bytes. */
const told = (time: string) => sql`to_char(${sql.ref(time)} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/*
 * Boards of the span in the order of their ids, so that the same decisions give the same bytes. An inspection that was drawn for an audit is marked from
 * the draw on, answered or not: what is trained on today must not be audited tomorrow.
 */
const detailsOf = (operations: readonly string[]) => sql<Row>`
  SELECT b.inspection_id, p.operation_id, b.site, b.lot_id, b.station_id, p.model, p.version, p.model_sha256, p.thresholds, b.recipe, p.features,
         ${told('p.finished_at')} AS finished_at, p.image_sha256, p.reference_sha256,
         (SELECT id FROM intake.artifact_file f WHERE f.inspection_id = b.inspection_id AND f.sha256 = p.image_sha256 AND f.expired_at IS NULL
          ORDER BY id LIMIT 1) AS artifact_id,
         l.drawn, l.audit, c.boxes, CASE WHEN l.audit IS NOT NULL THEN 'picture' WHEN c.all_calls THEN 'calls' ELSE 'some_calls' END AS looked
  FROM monitoring.board b JOIN inference.provenance p ON p.operation_id = b.operation_id
  CROSS JOIN LATERAL (
    SELECT count(*) > 0 AS drawn,
           (SELECT jsonb_build_object('outcome', k2.outcome, 'reviewer', k2.reviewed_by, 'reviewed_at', ${told('k2.reviewed_at')}, 'note', k2.note)
            FROM disposition.look_taken k2
            WHERE k2.inspection_id = b.inspection_id AND k2.kind = 'audit' AND k2.outcome IN ('agrees', 'disagrees')) AS audit
    FROM disposition.look_taken k WHERE k.inspection_id = b.inspection_id AND k.kind = 'audit') l
  CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
             'defect_id', d.id, 'class', d.class, 'said', d.said, 'score', d.score, 'decision', d.decision,
             'box', jsonb_build_object('x', d.x, 'y', d.y, 'width', d.width, 'height', d.height),
             'reviewer', d.reviewed_by, 'reviewed_at', ${told('d.reviewed_at')}, 'reason', d.review_reason) ORDER BY d.id) FILTER (WHERE d.decision IS NOT NULL), '[]') AS boxes,
           count(*) FILTER (WHERE d.decision IS NULL) = 0 AS all_calls
    FROM (
      SELECT id, class, proposed_class AS said, score, x, y, width, height, reviewed_by, reviewed_at, review_reason,
             CASE WHEN state = 'rejected' THEN 'rejected' WHEN state = 'proposed' THEN NULL
                  WHEN class <> proposed_class THEN 'reclassified' ELSE 'confirmed' END AS decision
      FROM disposition.model_call WHERE operation_id = b.operation_id
      UNION ALL
      SELECT id, class, NULL, NULL, x, y, width, height, reviewed_by, reviewed_at, review_reason,
             CASE WHEN state = 'rejected' THEN 'rejected' ELSE 'missed' END
      FROM disposition.missed_defect WHERE inspection_id = b.inspection_id) d) c
  WHERE b.operation_id = ANY (${[...operations]}::uuid[]) AND (jsonb_array_length(c.boxes) > 0 OR l.audit IS NOT NULL)
  ORDER BY b.inspection_id`;

/**
 * The last run of each inspection counts: an earlier one was replaced before anybody judged. Plan: a merge of two walks down `board_of_inspection`. The
 * bound of the inner one is said, since the planner does not draw it from the outer one's: without it each piece walks all boards before it once more.
 */
export const boardsAfter = (asked: DatasetAsked, after: string) => sql<{ inspection_id: string; operation_id: string }>`
  SELECT inspection_id, operation_id FROM monitoring.board b
  WHERE inspection_id > ${after}::uuid AND (${asked.model}::text IS NULL OR model = ${asked.model}) AND (${asked.site} = '*' OR site = ${asked.site})
    AND (${asked.from}::timestamptz IS NULL OR finished_at >= ${asked.from}) AND (${asked.to}::timestamptz IS NULL OR finished_at <= ${asked.to})
    AND NOT EXISTS (SELECT FROM monitoring.board n WHERE n.inspection_id = b.inspection_id AND n.inspection_id > ${after}::uuid AND n.operation_id > b.operation_id)
  ORDER BY inspection_id LIMIT ${PIECE}`;

function lineOf({
  image_sha256,
  artifact_id,
  reference_sha256,
  drawn,
  boxes,
  audit,
  looked,
  inspection_id,
  ...provenance
}: Row): DatasetLine {
  return {
    inspection_id,
    split: drawn ? 'audit' : 'train',
    image: { sha256: image_sha256, link: artifact_id === null ? null : `/v1/artifacts/${artifact_id}/content` },
    reference: { sha256: reference_sha256 },
    boxes,
    audit,
    looked,
    provenance,
  };
}

/**
 * Every reviewed inspection of the span, at most MOST_LINES: short statements, the reader sets the pace. Boards that nobody reviewed give no line at which
 * the reader could stop, so `signal` is looked at before each statement.
 * @throws the reason of `signal`
 */
export async function* readLines(on: Reads<MonitoringTables>, asked: DatasetAsked, signal: AbortSignal): AsyncGenerator<DatasetLine> {
  let after = '00000000-0000-0000-0000-000000000000';
  for (let sent = 0; sent < MOST_LINES; ) {
    signal.throwIfAborted();
    const { rows: boards } = await boardsAfter(asked, after).execute(on);
    signal.throwIfAborted();
    const { rows } = await detailsOf(boards.map(({ operation_id }) => operation_id)).execute(on);
    for (const row of rows.slice(0, MOST_LINES - sent)) yield lineOf(row);
    sent += rows.length;
    const last = boards.at(-1);
    if (!last || boards.length < PIECE) return;
    after = last.inspection_id;
  }
}
