import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeFrame, MAX_RECORD, readFrames } from './frame.ts';

const records = fc.array(fc.record({ head: fc.dictionary(fc.string(), fc.jsonValue()), body: fc.uint8Array({ maxLength: 200 }) }), {
  minLength: 1,
  maxLength: 8,
});
type Records = { head: unknown; body: Uint8Array }[];
const bytesOf = (list: Records) => list.map(({ head, body }) => encodeFrame(head, body));
function read(bytes: Buffer): { found: Records; end: number } {
  const found: Records = [];
  const end = readFrames(bytes, ({ head, body }) => found.push({ head, body: new Uint8Array(body) }));
  return { found, end };
}
const plain = (list: Records) => list.map(({ head, body }) => ({ head: JSON.parse(JSON.stringify(head)), body: new Uint8Array(body) }));

test('a file that is cut at any byte gives the whole records before the cut, and nothing of the one that was cut', () => {
  fc.assert(
    fc.property(records, (list) => {
      const frames = bytesOf(list);
      const bytes = Buffer.concat(frames);
      let whole = 0;
      let edge = 0;
      for (let cut = 0; cut <= bytes.length; cut += 1) {
        while (whole < frames.length && edge + (frames[whole]?.length ?? 0) <= cut) edge += frames[whole++]?.length ?? 0;
        const { found, end } = read(bytes.subarray(0, cut));
        assert.equal(end, edge);
        assert.deepEqual(found, plain(list.slice(0, whole)));
      }
    }),
    { numRuns: 12 },
  );
});

test('whatever a power cut leaves behind the synced part, zeros, old blocks or half of new ones, nothing of it is read', () => {
  fc.assert(
    fc.property(
      records,
      records,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.uint8Array({ maxLength: 64 }),
      (synced, tail, at, flip, junk) => {
        const safe = Buffer.concat(bytesOf(synced));
        const [first = Buffer.alloc(0)] = bytesOf(tail);
        const broken = Buffer.from(first);
        broken[at % broken.length] = (broken[at % broken.length] ?? 0) ^ flip;
        const leftovers = [
          broken,
          Buffer.alloc(4096),
          Buffer.concat([broken, ...bytesOf(tail)]),
          Buffer.concat([Buffer.alloc(16), Buffer.from(junk)]),
        ];
        for (const left of leftovers) {
          const { found, end } = read(Buffer.concat([safe, left]));
          assert.equal(end, safe.length);
          assert.deepEqual(found, plain(synced));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('a record beyond the limit is not made', () => {
  assert.throws(() => encodeFrame({}, new Uint8Array(MAX_RECORD)), RangeError);
});
