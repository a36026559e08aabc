import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BODY, sampleApp, TOKEN } from '../../../test/support/sample-app.ts';
import type { Problem } from '../../contracts/problems.ts';
import { deeperThan, isSuspect, unstorable } from './json.ts';

/** Spellings that reached handlers unvalidated in one version or another of the framework. */
const TYPES = [
  'text/plain',
  'application/jsona',
  'application/json\ta',
  'application/ json',
  'application/json,text/plain',
  'applicationjson',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/vnd.api+json',
  '*/*',
  ' ',
];

test('only declared content types are read: every other spelling is 415, and none reaches the handler', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  for (const type of TYPES) {
    const response = await app.inject({
      method: 'POST',
      url: '/v1/inspections',
      payload: '{"lot_id":1}',
      headers: { ...TOKEN, 'content-type': type },
    });
    assert.equal(response.statusCode, 415, JSON.stringify(type));
  }
  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset=UTF-8',
    'application/json;\tcharset=utf-8',
  ]) {
    const bad = await app.inject({
      method: 'POST',
      url: '/v1/inspections',
      payload: '{"lot_id":1}',
      headers: { ...TOKEN, 'content-type': type },
    });
    assert.equal(bad.statusCode, 422, `validated: ${type}`);
  }
});

test('depth, U+0000, half characters, poison and bytes that are no text are refused', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  const post = (payload: string | Buffer) =>
    app.inject({ method: 'POST', url: '/v1/free', payload, headers: { ...TOKEN, 'content-type': 'application/json' } });
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  assert.equal((await post(nested(32))).statusCode, 200);
  const deep = await post(nested(33));
  assert.equal(deep.statusCode, 400);
  assert.equal((deep.json() as Problem).error.code, 'json_too_deep');
  assert.equal((await post('{"a":'.repeat(100_000))).statusCode, 400);
  assert.equal((await post(JSON.stringify({ text: '['.repeat(500) }))).statusCode, 200, 'brackets in a text are no depth');
  for (const text of [
    '{"a":{"b":"x\\u0000y"}}',
    '{"a\\u0000":1}',
    '["\\ud800"]',
    '["\\uDFFF\\uD800"]',
    '{"a":1e400}',
    '[[-1E+999]]',
    `{"a":${'9'.repeat(400)}}`,
  ])
    assert.equal((await post(text)).statusCode, 422, text);
  assert.equal((await post('{"a":1e300,"b":"1e400"}')).statusCode, 200, 'large numbers and texts that look like them are kept');
  assert.equal((await post('["\\ud83d\\ude00", "\\\\u0000"]')).statusCode, 200);
  for (const text of ['{"__proto__":{"x":1}}', '{"a":{"\\u005f_proto__":{"x":1}}}', '{"constructor":{"prototype":{"x":1}}}'])
    assert.equal((await post(text)).statusCode, 400, text);
  for (const bytes of [
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.from('"\0"'),
    Buffer.from('"a"', 'utf16le'),
    Buffer.from('NaN'),
    Buffer.from("{'a':1}"),
  ])
    assert.equal((await post(bytes)).statusCode, 400);
});

test('a body that may be left out: nothing, empty and {} are the same; anything else is judged', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  const url = '/v1/inspections/x/start';
  const json = { ...TOKEN, 'content-type': 'application/json' };
  assert.equal((await app.inject({ method: 'POST', url, headers: TOKEN })).statusCode, 409);
  assert.equal((await app.inject({ method: 'POST', url, headers: json, payload: '' })).statusCode, 409);
  assert.equal((await app.inject({ method: 'POST', url, headers: json, payload: '{}' })).statusCode, 409);
  assert.equal((await app.inject({ method: 'POST', url, headers: json, payload: 'null' })).statusCode, 422);
  assert.equal((await app.inject({ method: 'POST', url, headers: json, payload: '[]' })).statusCode, 422);
});

test('a thousand faults are told by their first hundred', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  const extra = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`x${at}`, at]));
  const problem = (
    await app.inject({ method: 'POST', url: '/v1/inspections', payload: { ...BODY, ...extra }, headers: TOKEN })
  ).json() as Problem;
  assert.equal(problem.error.details.length, 100);
});

test('the depth that is scanned is the depth that is parsed, and no unstorable text is missed', () => {
  const depthOf = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 0, max: 8 }), (value, limit) => {
      assert.equal(deeperThan(Buffer.from(JSON.stringify(value)), limit), depthOf(value) > limit);
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
      const bad = texts.some((text) => text.includes('\0') || !text.isWellFormed());
      assert.equal(unstorable({ list: texts }) !== undefined, bad);
    }),
    { numRuns: 300 },
  );
});

test('whether a body may hold what cannot be kept is told in one pass, whatever its digits', () => {
  const digits = `${'1'.repeat(308)} `.repeat((8 * 1024 * 1024) / 309);
  const before = process.cpuUsage().user;
  assert.equal(isSuspect(digits), false);
  const spent = process.cpuUsage().user - before;
  assert.ok(spent < 1_500_000, `${spent} us of processor time`);
  for (const text of ['1'.repeat(309), `0.${'0'.repeat(309)}`, '1e999', '"\\ud800"']) assert.equal(isSuspect(text), true, text);
});
