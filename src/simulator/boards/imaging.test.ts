import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { drawImaging, stillImaging, takePicture } from './imaging.ts';
import { Random } from './random.ts';
import type { Raster } from './raster.ts';
import { copperShare, fillRect, makeRaster } from './raster.ts';

/** A 100 px square of copper in the middle of 200 x 200. */
function square(): Raster {
  const raster = makeRaster(200, 200);
  fillRect(raster, 50, 50, 149, 149, 1);
  return raster;
}

/** Leftmost and rightmost copper of the row through the middle. */
function extent(raster: Raster): [number, number] {
  const row = raster.bits.subarray(100 * 200, 101 * 200);
  return [row.indexOf(1), row.lastIndexOf(1)];
}

test('a still camera moves no edge, so that what differs between two pictures is the camera or a defect', () => {
  assert.deepEqual(extent(takePicture(square(), stillImaging, new Random(1))), [50, 149]);
});

test('shift, stretch and etch move edges by the pixels they are given', () => {
  const take = (change: object): [number, number] => extent(takePicture(square(), { ...stillImaging, ...change }, new Random(1)));
  assert.deepEqual(take({ shiftX: 3 }), [47, 146]);
  assert.deepEqual(take({ bias: 1 }), [49, 150]);
  assert.deepEqual(take({ bias: -1 }), [51, 148]);
  assert.deepEqual(take({ stretchX: 0.02 }), [49, 146]);
});

test('drawn imaging stays within what registration in DeepPCB shows: four pixels, 0.6 percent, two more of uneven stretch', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const imaging = drawImaging(new Random(seed));
      assert.ok(Math.abs(imaging.shiftX) <= 4 && Math.abs(imaging.shiftY) <= 4);
      assert.ok(Math.abs(imaging.stretchX) <= 0.006 && Math.abs(imaging.stretchY) <= 0.006 && imaging.bend <= 2.2);
      assert.ok(Math.abs(imaging.rotation) <= 0.0025 && Math.abs(imaging.bias) <= 1.2 && imaging.roughness <= 0.55);
    }),
  );
});

test('roughness makes edges ragged and leaves the amount of copper as it was, in single pixels or in runs', () => {
  for (const runs of [0, 0.5, 1]) {
    const rough = takePicture(square(), { ...stillImaging, roughness: 0.5, runs }, new Random(4));
    const columns = [49, 50].flatMap((x) => Array.from({ length: 80 }, (_, k) => rough.bits[(60 + k) * 200 + x] as number));
    assert.ok(columns.includes(1) && columns.includes(0), `runs ${runs}`);
    assert.ok(Math.abs(copperShare(rough) - 0.25) < 0.004, `runs ${runs}`);
  }
});
