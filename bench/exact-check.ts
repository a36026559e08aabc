import { Agent, type IncomingMessage, request } from 'node:http';
import { uuidv7 } from '../src/platform/id.ts';
import type { BenchDatabase } from './sides/postgres.ts';
import type { Side } from './sides/side.ts';

/** A figure counts only when what it counts is right; this says what was not. */
export class Incorrect extends Error {
  override readonly name = 'Incorrect';
}

type Body = Record<string, unknown>;
interface Answer {
  status: number;
  body: Body;
}
type Post = (body: unknown, token: string | null) => Promise<Answer>;

const SOCKETS = 64;

const good = (serial: number): Body => ({
  lot_id: `LOT-2026-${String(1 + (serial % 900)).padStart(3, '0')}`,
  chip_id: `CHECK-${serial}`,
  inspection_type: 'visual',
  priority: 5,
  station_metadata: { operator: 'john.doe', shift: 'morning' },
});

function poster(port: number): { post: Post; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS });
  const post: Post = (body, token) =>
    new Promise((resolve, reject) => {
      const text = JSON.stringify(body);
      const asked = request(
        {
          ...{ agent, host: '127.0.0.1', port, method: 'POST', path: '/v1/inspections', timeout: 20_000 },
          headers: {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(text),
            'idempotency-key': uuidv7(),
            ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          },
        },
        (response) => readAnswer(response).then(resolve, reject),
      );
      asked.on('timeout', () => asked.destroy(new Error('no answer within 20 s')));
      asked.on('error', reject);
      asked.end(text);
    });
  return { post, close: () => agent.destroy() };
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) as Body };
}

/** Single cases of the contract: what, the status that it must have, body, token. */
function cases({ tokens }: Side, serial: number): [string, number, unknown, string | null][] {
  const body = good(serial);
  const { lot_id: _, ...noLot } = body;
  const { priority: _p, station_metadata: _m, ...least } = good(serial + 1);
  const [token = ''] = tokens.good;
  return [
    ['a good one', 201, body, token],
    ['without what has a default', 201, least, token],
    ['thermal of priority 7', 201, { ...good(serial + 2), inspection_type: 'thermal', priority: 7 }, token],
    ['thermal of priority 5', 422, { ...body, inspection_type: 'thermal' }, token],
    ['wrong lot', 422, { ...body, lot_id: 'LOT-25-1' }, token],
    ['no lot', 422, noLot, token],
    ['short chip', 422, { ...body, chip_id: 'ab' }, token],
    ['long chip', 422, { ...body, chip_id: 'a'.repeat(101) }, token],
    ['unknown type', 422, { ...body, inspection_type: 'x' }, token],
    ['priority 0', 422, { ...body, priority: 0 }, token],
    ['priority 11', 422, { ...body, priority: 11 }, token],
    ['metadata that is a list', 422, { ...body, station_metadata: [1] }, token],
    ['no token', 401, body, null],
    ['a forged token', 401, body, tokens.forged],
    ...(tokens.expired === undefined ? [] : ([['an expired token', 401, body, tokens.expired]] as [string, number, unknown, string][])),
    ['a token without the scope', 403, body, tokens.noScope],
  ];
}

function judgeRecord(sent: Body, { status, body }: Answer): string | undefined {
  if (status !== 201) return `answered ${status}: ${JSON.stringify(body).slice(0, 200)}`;
  for (const [name, value] of Object.entries(sent))
    if (JSON.stringify(body[name]) !== JSON.stringify(value)) return `${name} came back as ${JSON.stringify(body[name])}`;
  if (body.status !== undefined && body.status !== 'pending') return `status ${body.status}`;
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(String(body.id))) return `id ${body.id}`;
  return Number.isNaN(Date.parse(String(body.created_at))) ? `created_at ${body.created_at}` : undefined;
}

/** Rows of each kind that belongs to a record; all of them must be equal. */
export async function countRows(side: Side, database: BenchDatabase): Promise<number[] | undefined> {
  if (side.ledger === undefined) return undefined;
  const [row = {}] = await database.query<Record<string, number>>(side.ledger.database, rowMode(side.ledger.counts));
  return Object.values(row);
}

/** Columns of scalar subqueries have no names of their own; two of the same name would be one in an object. */
const rowMode = (counts: string): string => {
  let index = 0;
  return counts.replaceAll(/\)::int/g, () => `)::int as n${index++}`);
};

/** What was written since `before` is `answers` of each. @throws Incorrect */
export function judgeRows(side: Side, before: readonly number[] | undefined, after: readonly number[] | undefined, answers: number): void {
  const made = (after ?? []).map((count, index) => count - (before?.[index] ?? 0));
  if (made.some((count) => count !== answers))
    throw new Incorrect(`${side.name}: ${answers} answers 201, but records, events, audit entries, keys: ${made.join(', ')}`);
}

/**
 * The single cases, then `posts` over 64 connections: every answer is looked at, ids are distinct, and each record is in its table with its event, audit
 * entry and key. @throws Incorrect
 */
export async function checkExactly(side: Side, database: BenchDatabase, posts: number): Promise<void> {
  const { post, close } = poster(side.port);
  const faults: string[] = [];
  const before = await countRows(side, database);
  const ids: string[] = [];
  const seen = (sent: Body, answer: Answer) => {
    const fault = judgeRecord(sent, answer);
    if (fault !== undefined) faults.push(fault);
    else ids.push(String(answer.body.id));
  };
  try {
    for (const [name, status, body, token] of side.judges ? cases(side, 1_000_000) : []) {
      const answer = await post(body, token);
      if (answer.status !== status)
        faults.push(`${name}: ${answer.status} instead of ${status}: ${JSON.stringify(answer.body).slice(0, 200)}`);
      else if (status === 201) seen(body as Body, answer);
    }
    let serial = 0;
    const worker = async () => {
      while (serial < posts) {
        serial += 1;
        const body = good(serial);
        seen(body, await post(body, side.tokens.good[serial % side.tokens.good.length] as string));
      }
    };
    await Promise.all(Array.from({ length: SOCKETS }, worker));
  } finally {
    close();
  }
  if (faults.length > 0) throw new Incorrect(`${side.name}: ${faults.length} faults: ${faults.slice(0, 4).join('; ')}`);
  if (new Set(ids).size !== ids.length) throw new Incorrect(`${side.name}: ids come twice`);
  judgeRows(side, before, await countRows(side, database), ids.length);
  if (side.ledger === undefined) return;
  const [joined] = await database.query<{ n: number }>(side.ledger.database, side.ledger.joined, [ids]);
  if (joined?.n !== ids.length) throw new Incorrect(`${side.name}: of ${ids.length} records ${joined?.n} have all that belongs to them`);
}
