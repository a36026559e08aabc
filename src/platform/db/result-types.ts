import pg from 'pg';

type Parser = (text: string) => unknown;

/** bigint as a number while that is exact; beyond 2^53 the text, which is never silently wrong. */
export function parseInt8(text: string): number | string {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}

const OURS = new Map<number, Parser>([
  [pg.types.builtins.INT8, parseInt8],
  // Measured values come in as JSON numbers: a double holds each of them exactly as it was sent.
  [pg.types.builtins.NUMERIC, Number],
  // A day has no time zone: '2026-11-24', not a Date of local midnight.
  [pg.types.builtins.DATE, (text) => text],
]);

/**
 * How column values reach the program: int8 and numeric as numbers, date as text, json and jsonb parsed, timestamptz as Date (milliseconds: a
 * keyset on a timestamp needs an id beside it), xid8 as text, NULL as null. Per connection, not the driver's global table.
 */
export const resultTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    (format === 'binary' ? undefined : OURS.get(oid)) ??
    pg.types.getTypeParser(oid, format as 'text')) as pg.CustomTypesConfig['getTypeParser'],
};
