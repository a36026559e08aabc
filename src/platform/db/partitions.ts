import { CompiledQuery } from 'kysely';
import type pg from 'pg';
import type { Reads } from './database.ts';
import type { Transaction } from './door.ts';

/**
 * Milliseconds by which two clocks differ at most, of programs or of a program and the database: who looks for a row by another time than the one that its
 * table is cut by looks so much further to both sides.
 */
export const CLOCK_MS = 3 * 86_400_000;

/** Months that are made ahead: the platform may be away for as long before a row falls into the net. */
const MONTHS_AHEAD = 3;

/** Tables of the register that TimescaleDB looks after have no months of ours: there the function does nothing. */
const TEND = 'select platform.tend_time_table(name, $1) as made from platform.time_table where name = $2';

/**
 * Makes the coming months of every table that is cut by time, and empties the nets. Each table is a transaction of its own that waits 1 s for its
 * locks at most; a table that is busy is left for the next round. Answers how many pieces are new.
 */
export async function tendTimeTables(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ name: string }>('select name from platform.time_table order by name');
  let made = 0;
  for (const { name } of rows) {
    try {
      await client.query("begin; set local lock_timeout = '1s'");
      made += (await client.query<{ made: number }>(TEND, [MONTHS_AHEAD, name])).rows[0]?.made ?? 0;
      await client.query('commit');
    } catch (error) {
      await client.query('rollback');
      if ((error as { code?: string }).code !== '55P03') throw error;
    }
  }
  return made;
}

/** A piece of a table that is cut by time: a partition, or a chunk of TimescaleDB. `from` is null for what was there before the cut. */
export interface TimePiece {
  /** `schema.table`, quoted where needed. */
  relation: string;
  from: Date | null;
  to: Date;
  chunk: boolean;
}

/* The bounds of a partition as PostgreSQL writes them; the net has none and is left out. */
const PARTITIONS = `select i.inhrelid::regclass::text as relation, (b.bounds)[1]::timestamptz as "from", (b.bounds)[2]::timestamptz as "to", false as chunk
  from pg_inherits i join pg_class c on c.oid = i.inhrelid,
    lateral (select regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \\((?:''([^'']*)''|MINVALUE)\\) TO \\(''([^'']*)''\\)')) as b(bounds)
  where i.inhparent = $1::regclass and b.bounds is not null order by 3`;
const CHUNKS = `select format('%I.%I', chunk_schema, chunk_name) as relation, range_start as "from", range_end as "to", true as chunk
  from timescaledb_information.chunks where format('%s.%s', hypertable_schema, hypertable_name) = $1 order by 3`;
const IS_HYPER = `select c.relkind = 'r' as hyper from pg_class c where c.oid = $1::regclass`;

type Connection = Reads<unknown> | Transaction<unknown>;

async function ask<Row>(on: unknown, text: string, values: unknown[]): Promise<Row[]> {
  return (await (on as Connection).executeQuery<Row>(CompiledQuery.raw(text, values))).rows;
}

/** Pieces that end at or before a time, oldest first. `table` is a constant of the slice. */
export async function piecesBefore(on: unknown, table: string, end: Date): Promise<TimePiece[]> {
  const [kind] = await ask<{ hyper: boolean }>(on, IS_HYPER, [table]);
  const pieces = await ask<TimePiece>(on, kind?.hyper ? CHUNKS : PARTITIONS, [table]);
  return pieces.filter(({ to }) => to <= end);
}

/** Drops a piece with everything in it. Whoever calls has made sure, in this transaction, that nothing there is kept. */
export async function dropPiece(tx: unknown, table: string, piece: TimePiece): Promise<void> {
  if (piece.chunk)
    await ask(tx, 'select drop_chunks($1::regclass, older_than => $2::timestamptz, newer_than => $3::timestamptz)', [
      table,
      piece.to,
      piece.from,
    ]);
  else await ask(tx, `drop table ${piece.relation}`, []);
}
