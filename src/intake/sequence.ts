import { type RawBuilder, sql } from 'kysely';
import type { ProblemDetail } from '../contracts/problems.ts';
import type { Reads } from '../platform/db/database.ts';
import { sqlState } from '../platform/db/faults.ts';
import type { Accepted } from './rules.ts';
import type { IntakeTables } from './tables.ts';

/** Whether a statement failed because a station's number is used. The index is that of migration 0009. */
export const isSequenceUsed = (error: unknown): boolean =>
  sqlState(error) === '23505' && (error as { constraint?: string }).constraint === 'inspection_sequence';

export const sequenceDetail = ({ station_sequence }: Pick<Accepted, 'station_sequence'>): ProblemDetail => ({
  field: 'body -> station_sequence',
  message: 'This number of the station and epoch is that of another inspection; send it again only with the Idempotency-Key it had',
  constraint: 'unique',
  invalid_value: station_sequence,
});

/** For a request of one inspection: which number it is. For many nobody knows which. */
export const sequenceDetails = (accepted: readonly Accepted[]): ProblemDetail[] => {
  const [one, other] = accepted;
  return one !== undefined && other === undefined ? [sequenceDetail(one)] : [];
};

const numberOf = ({ station_id, station_epoch, station_sequence }: Accepted) => `${station_id}\n${station_epoch}\n${station_sequence}`;

/**
 * Places in `accepted` whose number is stored already or stands twice in it (the first keeps it). Index Only Scan of `inspection_sequence` once a
 * number; asked only after the index has refused.
 */
export async function usedSequences(reads: Reads<IntakeTables>, accepted: readonly Accepted[]): Promise<Set<number>> {
  const numbered = accepted.flatMap((one, index) => (one.station_sequence === null ? [] : [{ ...one, index }]));
  const seen = new Set<string>();
  const used = new Set<number>();
  for (const one of numbered) {
    if (seen.has(numberOf(one))) used.add(one.index);
    seen.add(numberOf(one));
  }
  const asked = JSON.stringify(
    numbered.map(({ index, station_id, station_epoch, station_sequence }) => ({ index, station_id, station_epoch, station_sequence })),
  );
  const { rows } = await sql<{ index: number }>`
    select k.index from json_to_recordset(${asked}::json) as k(index int, station_id text, station_epoch bigint, station_sequence bigint)
    where exists (select 1 from intake.inspection i where i.station_id = k.station_id and i.station_epoch = k.station_epoch
      and i.station_sequence = k.station_sequence and i.station_sequence is not null)`.execute(reads);
  for (const { index } of rows) used.add(index);
  return used;
}

/** Numbers that one answer looks at: a step down the index each, and a look at the row for its delay. */
const LOOKED_AT = 50_000;
/** Received later than this after the look of the station (milliseconds) counts as late. */
const LATE_MS = 60_000;
const EPOCHS = 20;

export interface Looked {
  /** Last number looked at, or the one before the first when there was none. */
  to: number;
  count: number;
  late: number;
  longest_delay_ms: number | null;
  gaps: { from: number; to: number }[];
  /** Whether there are numbers behind `to`. */
  more: boolean;
}

const numbersOf = (station: string, epoch: number): RawBuilder<unknown> =>
  sql`intake.inspection where station_id = ${station} and station_epoch = ${epoch} and station_sequence is not null`;

/** The newest epochs of a station, greatest first: a descent of the index each. */
export async function epochsOf(reads: Reads<IntakeTables>, station: string): Promise<number[]> {
  const { rows } = await sql<{ epoch: number }>`
    with recursive e(epoch, n) as (
      (select station_epoch, 1 from intake.inspection where station_id = ${station} and station_sequence is not null
       order by station_epoch desc limit 1)
      union all
      (select (select i.station_epoch from intake.inspection i where i.station_id = ${station} and i.station_sequence is not null
         and i.station_epoch < e.epoch order by i.station_epoch desc limit 1), e.n + 1 from e where e.epoch is not null and e.n < ${EPOCHS}))
    select epoch from e where epoch is not null`.execute(reads);
  return rows.map(({ epoch }) => epoch);
}

export async function highestOf(reads: Reads<IntakeTables>, station: string, epoch: number): Promise<number | null> {
  const { rows } = await sql<{ highest: number }>`
    select station_sequence as highest from ${numbersOf(station, epoch)} order by station_sequence desc limit 1`.execute(reads);
  return rows[0]?.highest ?? null;
}

/**
 * What is there and what is missing behind a number: a walk along `inspection_sequence` of at most 50,000 entries, cut after `limit` gaps. A gap before
 * the first number counts: a count begins at 1.
 */
export async function lookAt(reads: Reads<IntakeTables>, station: string, epoch: number, after: number, limit: number): Promise<Looked> {
  const { rows } = await sql<{
    to: number | null;
    count: number;
    late: number;
    longest: number | null;
    more: boolean;
    gaps: Looked['gaps'] | null;
  }>`
    with walked as materialized (
      select station_sequence as n, lag(station_sequence, 1, ${after}::bigint) over (order by station_sequence) as before,
        row_number() over (order by station_sequence) as place, extract(epoch from created_at - inspected_at) * 1000 as delay
      from (select station_sequence, created_at, inspected_at from ${numbersOf(station, epoch)} and station_sequence > ${after}
            order by station_sequence limit ${LOOKED_AT + 1}) as entries),
    gap as (select before + 1 as "from", n - 1 as "to", place from walked where n > before + 1 order by n limit ${limit + 1}),
    -- With one gap too many the walk ends before it.
    cut as (select coalesce((select place - 1 from gap order by place offset ${limit} limit 1), ${LOOKED_AT}) as last),
    kept as (select w.* from walked w, cut where w.place <= cut.last)
    select (select max(n) from kept) as "to", (select count(*) from kept) as count,
      (select count(*) from kept where delay > ${LATE_MS}) as late, (select max(delay)::float8 from kept) as longest,
      (select count(*) from walked) > (select count(*) from kept) as more,
      (select json_agg(json_build_object('from', g."from", 'to', g."to") order by g."from") from gap g, cut where g.place <= cut.last) as gaps`.execute(
    reads,
  );
  const [found] = rows;
  return {
    to: found?.to ?? after,
    count: found?.count ?? 0,
    late: found?.late ?? 0,
    longest_delay_ms: found?.longest ?? null,
    gaps: found?.gaps ?? [],
    more: found?.more ?? false,
  };
}
