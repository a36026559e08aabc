import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Whether the client asked for the list as a file: `text/csv` stands in `Accept` with a weight that is not below JSON's. */
export function wantsCsv(request: FastifyRequest): boolean {
  const accept = request.headers.accept;
  if (accept === undefined || !/text\/csv/i.test(accept)) return false;
  let csv = 0;
  let json = 0;
  for (const item of accept.toLowerCase().split(',')) {
    const [type, ...parameters] = item.split(';').map((part) => part.trim());
    const given = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = given === undefined ? 1 : Number(given.slice(2)) || 0;
    if (type === 'text/csv') csv = weight;
    else if (type === 'application/json') json = weight;
  }
  return csv > 0 && csv >= json;
}

type Cell = string | number | boolean | Date | null | undefined | object;

function cell(value: Cell): string | number | null | undefined {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}

/**
 * Streams rows as CSV (RFC 4180, UTF-8, CRLF). Texts that a spreadsheet would run as a formula (`=`, `+`, `-`, `@`, tab, CR) get a quote
 * before them; numbers stay numbers. The reader sets the pace; a reader that leaves ends the iteration.
 */
export function sendCsv(
  reply: FastifyReply,
  header: readonly string[],
  rows: AsyncIterable<readonly Cell[]> | Iterable<readonly Cell[]>,
  filename = 'export.csv',
): FastifyReply {
  async function* cells() {
    yield [...header];
    for await (const row of rows) yield row.map(cell);
  }
  const source = Readable.from(cells());
  const csv = stringify({ escape_formulas: true, record_delimiter: 'windows', quoted_match: /[\r\n]/ });
  source.on('error', (error) => csv.destroy(error));
  csv.on('close', () => source.destroy());
  source.pipe(csv);
  reply.type('text/csv; charset=utf-8').header('content-disposition', `attachment; filename="${filename.replace(/[^\w.-]/g, '_')}"`);
  return reply.send(csv);
}
