import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JsonCheck } from './json-check.ts';

function holds(text: string, pieces: number): boolean {
  const check = new JsonCheck();
  const size = Math.max(1, Math.ceil(text.length / pieces));
  for (let at = 0; at < text.length; at += size) if (!check.push(text.slice(at, at + size))) return false;
  return check.finish();
}
function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test('agrees with JSON.parse on JSON, cut anywhere', () => {
  fc.assert(fc.property(fc.json(), fc.integer({ min: 1, max: 20 }), (text, pieces) => assert.equal(holds(text, pieces), true, text)));
});

test('agrees with JSON.parse on what is almost JSON', () => {
  const broken = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom('', ',', '}', ']', '"', '\\', '0', '-', 'e', '.', ' ', ':', 't', '\n', '\u0001', '\\u12'))
    .map(([text, at, put]) => text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + (put === '' ? 1 : 0)));
  fc.assert(
    fc.property(broken, fc.integer({ min: 1, max: 5 }), (text, pieces) => assert.equal(holds(text, pieces), parses(text), text)),
    { numRuns: 2000 },
  );
});

test('the cases that parsers get wrong', () => {
  for (const text of [
    '',
    ' ',
    '1 2',
    '[1,]',
    '{,}',
    '{"a"}',
    '{"a":}',
    '[',
    ']',
    '01',
    '-',
    '1.',
    '.5',
    '+1',
    'nul',
    'true false',
    '"\\x"',
    '"\n"',
    '{"a":1 "b":2}',
    '[1}',
    'NaN',
    '\ufeff1',
  ])
    assert.equal(holds(text, 1), parses(text), JSON.stringify(text));
  for (const text of ['1', ' null ', '-0.5e+3', '[[],{}]', '{"":""}', '"\\ud800"']) assert.equal(holds(text, 3), true, text);
  assert.equal(holds('['.repeat(300) + ']'.repeat(300), 1), false, 'nested too deeply');
});
