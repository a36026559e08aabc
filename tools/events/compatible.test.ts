import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { breaks, judgeSchemas, shapeOf } from './compatible.ts';

const old = Type.Object({
  lot_id: Type.String({ description: 'any' }),
  count: Type.Integer(),
  verdict: Type.Enum(['pass', 'fail']),
  note: Type.Optional(Type.String()),
  boxes: Type.Array(Type.Object({ x: Type.Number() })),
});
const change = (more: object) => breaks(shapeOf(old), shapeOf(Type.Object({ ...old.properties, ...more })));

test('what old events and old readers bear passes under the same version', () => {
  assert.deepEqual(change({}), []);
  assert.deepEqual(change({ more: Type.Optional(Type.String()), verdict: Type.Enum(['pass', 'fail', 'inconclusive']) }), []);
  assert.deepEqual(change({ lot_id: Type.String({ description: 'other words', maxLength: 50 }) }), []);
});

test('what they do not bear is named: gone, of another type, newly or no longer required, a value that is gone, deep inside', () => {
  const { lot_id: _, ...without } = old.properties;
  assert.match(breaks(shapeOf(old), shapeOf(Type.Object(without))).join(), /payload\.lot_id is gone/);
  assert.match(change({ count: Type.String() }).join(), /payload\.count: type was "integer" and is "string"/);
  assert.match(change({ more: Type.String() }).join(), /payload\.more is new and required/);
  assert.match(change({ note: Type.String() }).join(), /payload\.note is newly required/);
  assert.match(change({ count: Type.Optional(Type.Integer()) }).join(), /payload\.count is no longer required/);
  assert.match(change({ verdict: Type.Enum(['pass']) }).join(), /payload\.verdict: the value "fail" is gone/);
  assert.match(change({ boxes: Type.Array(Type.Object({ x: Type.String() })) }).join(), /payload\.boxes\[\]\.x: type/);
});

test('a new version may be anything; the old one stays known for as long as it is read, and a type does not vanish', () => {
  const kept = { 'a@1': shapeOf(old), 'b@1': shapeOf(old) };
  const payloads = { a: Type.Object({}), b: old };
  assert.match(judgeSchemas(kept, payloads, { a: [1], b: [1] }).faults.join(), /a@1: .*it needs a new schema_version/);
  const { next, faults } = judgeSchemas(kept, payloads, { a: [1, 2], b: [1] });
  assert.deepEqual([faults, Object.keys(next)], [[], ['a@1', 'a@2', 'b@1']]);
  assert.match(judgeSchemas(kept, payloads, { a: [1, 2] }).faults.join(), /b@1: the type is gone/);
  assert.match(judgeSchemas({}, payloads, { a: [1, 2] }).faults.join(), /a@1: nothing is known/);
});
