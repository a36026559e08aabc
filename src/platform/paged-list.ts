import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendCsv, wantsCsv } from './http/csv.ts';
import { decodeCursor, pageOf } from './http/paging.ts';

/** Rows a statement of an export: short statements, because a long one would hold back every reader of the outbox. */
const PIECE = 500;
/** Rows of one file; one that would have more is broken off behind them. */
export const MOST_ROWS = 1_000_000;

type Cell = string | number | boolean | Date | object | null | undefined;

export interface PagedList<Row, Shown, Position> {
  /** At most `limit` rows behind a position, in keyset order. */
  read(behind: Position | null, limit: number): Promise<Row[]>;
  /** Where a row stands: what a cursor holds, as JSON. */
  position(row: Row): Position;
  /** A cursor's content back as a position; `undefined` when it is none. */
  parsePosition(value: unknown): Position | undefined;
  show(rows: Row[]): Shown[] | Promise<Shown[]>;
  /** The same list as a file. */
  csv: { filename: string; columns: readonly string[]; cells(row: Row): readonly Cell[]; mostRows?: number };
}

/** Whether the client named a page size itself; the schema's default cannot be told from it afterwards. */
const namesLimit = (request: FastifyRequest): boolean => /[?&]limit=/.test(request.url);

/**
 * Answers a list as a page (`data`, `has_more`, `next_cursor`), or with `Accept: text/csv` as a file: the whole list from the cursor on, streamed piece
 * by piece as the reader takes it, bounded by `limit` only when the client gave one. A list that is longer than a file may be ends the connection before
 * the file does, so that nobody takes it for the whole. `more` stands beside the page.
 * @throws ProblemError validation_error for a cursor that is not of this list
 */
export async function answerList<Row, Shown, Position>(
  request: FastifyRequest,
  reply: FastifyReply,
  { limit = 20, cursor }: { limit?: number | undefined; cursor?: string | undefined },
  list: PagedList<Row, Shown, Position>,
  more: Record<string, unknown> = {},
): Promise<FastifyReply> {
  const behind = decodeCursor(cursor, (value) => list.parsePosition(value));
  reply.header('vary', 'accept');
  if (wantsCsv(request)) {
    const rows = namesLimit(request) ? pieces(list, behind, limit) : wholeList(list, behind);
    return sendCsv(reply, list.csv.columns, rows as AsyncIterable<readonly (string | number)[]>, list.csv.filename);
  }
  const rows = await list.read(behind, limit + 1);
  const page = pageOf(rows, limit, (row) => row, list.position);
  return reply.send({ ...more, ...page, data: await list.show(page.data) });
}

async function* pieces<Row, Shown, Position>(
  list: PagedList<Row, Shown, Position>,
  start: Position | null,
  most: number,
): AsyncGenerator<readonly Cell[]> {
  let left = most;
  let behind = start;
  while (left > 0) {
    const rows = await list.read(behind, Math.min(PIECE, left));
    for (const row of rows) yield list.csv.cells(row);
    left -= rows.length;
    const last = rows.at(-1);
    if (rows.length < PIECE || last === undefined) return;
    behind = list.position(last);
  }
}

async function* wholeList<Row, Shown, Position>(
  list: PagedList<Row, Shown, Position>,
  start: Position | null,
): AsyncGenerator<readonly Cell[]> {
  const most = list.csv.mostRows ?? MOST_ROWS;
  let sent = 0;
  for await (const row of pieces(list, start, most + 1)) {
    if (sent === most) throw new Error(`The list has more than the ${most} rows of a file: ${list.csv.filename} is broken off`);
    sent += 1;
    yield row;
  }
}
