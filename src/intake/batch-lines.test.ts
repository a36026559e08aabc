import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutLines, type Line, TOO_LONG } from './batch-lines.ts';

const LIMIT = 12;

/** What a reader of the whole text would say. */
const expected = (text: Buffer): (string | symbol)[] =>
  text
    .toString('latin1')
    .split('\n')
    .filter((line) => line.length > LIMIT || !/^[ \t\r]*$/.test(line))
    .map((line) => (line.length > LIMIT ? TOO_LONG : line));

test('however a text is cut on its way, its lines are those of the whole; one that is too long costs only itself', () => {
  const piece = fc.constantFrom('\n', '\r\n', ' ', '\t', 'a', 'bc', 'defgh', 'é', 'x'.repeat(LIMIT), 'y'.repeat(LIMIT + 1), '\n\n');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat(200), { maxLength: 10 }), (pieces, cuts) => {
      const text = Buffer.from(pieces.join(''));
      const cutter = cutLines(LIMIT);
      const found: Line[] = [];
      const edges = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((one, other) => one - other), text.length];
      for (let at = 1; at < edges.length; at += 1) found.push(...cutter.push(text.subarray(edges[at - 1], edges[at])));
      found.push(...cutter.end());
      assert.deepEqual(
        found.map((line) => (typeof line === 'symbol' ? line : Buffer.from(line).toString('latin1'))),
        expected(text),
      );
    }),
    { numRuns: 500 },
  );
});
