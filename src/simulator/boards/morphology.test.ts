import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { components, dilate, distanceToEdge, erode, removeSlivers } from './morphology.ts';
import { Random } from './random.ts';
import type { Raster } from './raster.ts';
import { copyRaster, fillRect, invert, makeRaster, orient } from './raster.ts';

function drawNoise(seed: number, side: number, share: number): Raster {
  const random = new Random(seed);
  const raster = makeRaster(side, side);
  for (let at = 0; at < raster.bits.length; at++) raster.bits[at] = random.chance(share) ? 1 : 0;
  return raster;
}

function naiveSpread(raster: Raster, radius: number, value: 0 | 1): Uint8Array {
  const { width, height, bits } = raster;
  return bits.map((_, at) => {
    const x = at % width;
    const y = Math.floor(at / width);
    for (let v = Math.max(0, y - radius); v <= Math.min(height - 1, y + radius); v++) {
      for (let u = Math.max(0, x - radius); u <= Math.min(width - 1, x + radius); u++) if (bits[v * width + u] === value) return value;
    }
    return 1 - value;
  });
}

test('dilation and erosion agree with their definition, so that a fast loop cannot drift from the plain one', () => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 3 }), fc.constantFrom<0 | 1>(0, 1), (seed, radius, value) => {
      const raster = drawNoise(seed, 19, value === 1 ? 0.06 : 0.94);
      const expected = naiveSpread(raster, radius, value);
      (value === 1 ? dilate : erode)(raster, radius);
      assert.deepEqual(raster.bits, expected);
    }),
    { numRuns: 40 },
  );
});

test('the distance field stays within a tenth of the true distance to the other phase', () => {
  const raster = drawNoise(5, 40, 0.02);
  const field = distanceToEdge(raster);
  for (let at = 0; at < field.length; at++) {
    let best = Infinity;
    for (let to = 0; to < field.length; to++) {
      if (raster.bits[to] !== raster.bits[at])
        best = Math.min(best, Math.hypot((to % 40) - (at % 40), Math.floor(to / 40) - Math.floor(at / 40)));
    }
    assert.ok(Math.abs((field[at] as number) / 3 - best) <= 0.1 * best + 0.01, `pixel ${at}: ${(field[at] as number) / 3} for ${best}`);
  }
});

test('copper joins across a corner and laminate does not, or two phases would cross in one point', () => {
  const raster = makeRaster(4, 4);
  fillRect(raster, 0, 0, 1, 1, 1);
  fillRect(raster, 2, 2, 3, 3, 1);
  const all = { x1: 0, y1: 0, x2: 3, y2: 3 };
  assert.equal(components(raster, all, 1).count, 1);
  assert.equal(components(raster, all, 0).count, 2);
});

test('no copper or laminate thinner than three pixels survives the removal of slivers', () => {
  const raster = makeRaster(40, 40);
  fillRect(raster, 4, 4, 30, 5, 1);
  fillRect(raster, 4, 12, 30, 30, 1);
  fillRect(raster, 10, 15, 11, 27, 0);
  removeSlivers(raster, 1);
  assert.equal(raster.bits[4 * 40 + 10], 0, 'a line of two pixels goes');
  assert.equal(raster.bits[20 * 40 + 10], 1, 'a slit of two pixels closes');
  assert.equal(raster.bits[20 * 40 + 25], 1, 'broad copper stays');
});

test('the eight orientations are eight different pictures of the same copper, and inverting twice changes nothing', () => {
  const raster = drawNoise(3, 16, 0.3);
  const sum = (r: Raster): number => r.bits.reduce((total, bit) => total + bit, 0);
  const seen = new Set([0, 1, 2, 3, 4, 5, 6, 7].map((turn) => orient(raster, turn).bits.join('')));
  assert.equal(seen.size, 8);
  for (let turn = 0; turn < 8; turn++) assert.equal(sum(orient(raster, turn)), sum(raster));
  const twice = copyRaster(raster);
  invert(twice);
  assert.notDeepEqual(twice.bits, raster.bits);
  invert(twice);
  assert.deepEqual(twice.bits, raster.bits);
});
