import { isUuid } from '../id.ts';
import { invalid } from '../problem.ts';

export interface Page<T> {
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}

/** Opaque to clients: base64url of the JSON of where the page ended. */
export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

const bad = () => invalid('query -> cursor', 'This is no cursor of this list', 'cursor');

/** `null` without a cursor. `read` turns the decoded JSON into a position or answers `undefined`. @throws ProblemError validation_error */
export function decodeCursor<T>(cursor: string | undefined, read: (value: unknown) => T | undefined): T | null {
  if (cursor === undefined) return null;
  let value: unknown;
  try {
    if (!/^[A-Za-z0-9_-]+$/.test(cursor)) throw bad();
    value = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    throw bad();
  }
  const position = read(value);
  if (position === undefined) throw bad();
  return position;
}

/** The usual position: an id, which is in the order of time. For `decodeCursor(cursor, idPosition)`. */
export const idPosition = (value: unknown): string | undefined =>
  typeof value === 'string' && isUuid(value) ? value.toLowerCase() : undefined;

/** Rows were read with `limit + 1`: the extra one only says that there is more. */
export function pageOf<Row, T>(rows: readonly Row[], limit: number, show: (row: Row) => T, position: (row: Row) => unknown): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { data: shown.map(show), has_more: more, next_cursor: more ? encodeCursor(position(last)) : null };
}

/** A time span of a query or a body. @throws ProblemError validation_error when `from` lies after `to` */
export function timeSpan(asked: { from?: string; to?: string }, where: 'query' | 'body' = 'query'): { from: Date | null; to: Date | null } {
  const from = asked.from === undefined ? null : new Date(asked.from);
  const to = asked.to === undefined ? null : new Date(asked.to);
  if (from !== null && Number.isNaN(from.getTime())) throw invalid(`${where} -> from`, 'This is no time', 'format', asked.from);
  if (to !== null && Number.isNaN(to.getTime())) throw invalid(`${where} -> to`, 'This is no time', 'format', asked.to);
  if (from !== null && to !== null && from > to) throw invalid(`${where} -> from`, 'from must not lie after to', 'order', asked.from);
  return { from, to };
}
