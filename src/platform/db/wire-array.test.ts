import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { testDatabase } from '../../../test/support/database.ts';
import { JsonOnce } from './json-once.ts';
import { arrayOf } from './wire-array.ts';

/** Texts that PostgreSQL can hold: any code points but U+0000, short ones, long ones, and many that are ASCII. */
const texts = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 80 }).map((text) => text.replaceAll('\0', '')),
  fc.constantFrom(
    '',
    'NULL',
    '{}',
    '"',
    '\\',
    'ü',
    '\u{1f600}',
    'a'.repeat(47),
    'a'.repeat(48),
    'a'.repeat(49),
    `${'a'.repeat(47)}ü`,
    'ß'.repeat(200),
  ),
);
const json = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value).replaceAll('\\u0000', '')));
const moments = fc.date({ min: new Date('-004712-01-01T00:00:00Z'), max: new Date('+200000-01-01T00:00:00Z'), noInvalidDate: true });

/** Each type with what may be written to it, and how PostgreSQL must show it: as its own reader of the text would. */
const KINDS: Record<string, { values: fc.Arbitrary<unknown>; shown: (value: unknown) => string; as: string }> = {
  text: { values: texts, shown: String, as: 'v' },
  smallint: { values: fc.integer({ min: -32768, max: 32767 }), shown: String, as: 'v::text' },
  integer: { values: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), shown: String, as: 'v::text' },
  bigint: {
    values: fc.oneof(
      fc.maxSafeInteger(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.constantFrom(0, -1, 2 ** 32, -(2 ** 32)),
    ),
    shown: String,
    as: 'v::text',
  },
  uuid: {
    values: fc.oneof(
      fc.uuid(),
      fc.uuid().map((id) => id.toUpperCase()),
    ),
    shown: (id) => String(id).toLowerCase(),
    as: 'v::text',
  },
  timestamptz: {
    values: fc.oneof(
      moments,
      moments.map((date) => date.toISOString()),
    ),
    shown: (value) => String(BigInt(new Date(value as string).getTime()) * 1000n),
    as: '(extract(epoch from v) * 1000000)::bigint::text',
  },
  json: { values: json.filter((value) => value !== null), shown: (value) => JSON.stringify(value), as: 'v::text' },
};

test('what is written as a binary array is what PostgreSQL holds, of every type, with nulls', async (t) => {
  const { db } = await testDatabase(t);
  for (const [type, { values, shown, as }] of Object.entries(KINDS))
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(values), { maxLength: 30 }), async (given) => {
        const array = arrayOf(
          type,
          given.map((value) => [value]),
          0,
        );
        const { rows } = await db.pool.query(`select ${as} as v from unnest($1::${type}[]) with ordinality as x(v, n) order by n`, [array]);
        assert.deepEqual(
          rows.map(({ v }) => v),
          given.map((value) => (value === null ? null : shown(value))),
          type,
        );
        const { rows: same } = await db.pool.query(`select array_send($1::${type}[]) as sent`, [array]);
        // An empty array has no dimension when PostgreSQL sends it.
        if (given.length > 0)
          assert.equal(array.toString('hex'), same[0].sent.toString('hex'), `${type}: the bytes that PostgreSQL would send`);
      }),
      { numRuns: 60 },
    );
});

test('jsonb comes behind its version and is the value; a text that is made once is sent as it is', async (t) => {
  const { db } = await testDatabase(t);
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        json.filter((value) => value !== null),
        { maxLength: 10 },
      ),
      async (given) => {
        const array = arrayOf(
          'jsonb',
          given.map((value, n) => [n % 2 ? value : new JsonOnce(value)]),
          0,
        );
        const { rows } = await db.pool.query('select v from unnest($1::jsonb[]) with ordinality as x(v, n) order by n', [array]);
        assert.deepEqual(
          rows.map(({ v }) => v),
          given.map((value) => (Object.is(value, -0) ? 0 : value)),
        );
      },
    ),
    { numRuns: 60 },
  );
});

test('time is told to the microsecond and in its zone', async (t) => {
  const { db } = await testDatabase(t);
  const told = ['2025-11-25T12:00:00.123456Z', '1969-12-31T23:59:59.999999Z', '2025-06-01T00:00:00.5+02:00', '0001-01-01T00:00:00Z'];
  const { rows } = await db.pool.query(
    'select bool_and(v = t::timestamptz) as same from unnest($1::timestamptz[], $2::text[]) as x(v, t)',
    [
      arrayOf(
        'timestamptz',
        told.map((text) => [text]),
        0,
      ),
      told,
    ],
  );
  assert.equal(rows[0].same, true);
});

test('a column of many rows and of long texts is written whole, and the next one begins anew', async (t) => {
  const { db } = await testDatabase(t);
  const rows = Array.from({ length: 3000 }, (_, n) => [n, 'x'.repeat(n)] as const);
  const { rows: found } = await db.pool.query(
    'select count(*)::int as n, sum(length(t))::int as length, bool_and(length(t) = i) as fits from unnest($1::int[], $2::text[]) as x(i, t)',
    [arrayOf('int', rows, 0), arrayOf('text', rows, 1)],
  );
  assert.deepEqual(found[0], { n: 3000, length: (3000 * 2999) / 2, fits: true });
});

test('what a type cannot hold is refused and never bent', () => {
  const refused: [string, unknown][] = [
    ['smallint', 32768],
    ['smallint', -32769],
    ['integer', 2 ** 31],
    ['integer', 1.5],
    ['integer', '1'],
    ['bigint', 2 ** 53],
    ['bigint', '1'],
    ['bigint', 2n ** 63n],
    ['uuid', 'no uuid'],
    ['uuid', '00000000-0000-0000-0000-00000000000g'],
    ['uuid', '000000000-000-0000-0000-000000000000'],
    ['uuid', '00000000-0000-0000-0000-00000000000\u0130'],
    ['timestamptz', 'yesterday'],
    ['timestamptz', '2025-11-25'],
    ['timestamptz', '2025-13-01T00:00:00Z'],
    ['text', 'half a pair \ud800'],
    ['text', `${'long '.repeat(20)}\udc00`],
  ];
  for (const [type, value] of refused) assert.throws(() => arrayOf(type, [[value]], 0), `${type} ${String(value)}`);
  assert.throws(() => arrayOf('point', [], 0), /No wire format for point/);
  assert.throws(() => arrayOf('constructor', [], 0), /No wire format/);
});
