import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { decodePng, encodePng } from './png.ts';
import { makeRaster } from './raster.ts';

test('a raster comes back from its PNG bit by bit, whatever its width', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 35 }),
      fc.integer({ min: 1, max: 9 }),
      fc.infiniteStream(fc.boolean()),
      async (width, height, stream) => {
        const raster = makeRaster(width, height);
        for (let at = 0; at < raster.bits.length; at++) raster.bits[at] = stream.next().value === true ? 1 : 0;
        assert.deepEqual(await decodePng(encodePng(raster)), raster);
      },
    ),
    { numRuns: 25 },
  );
});

test('the PNG is 1-bit greyscale with copper black, as the data sets and stations expect', async () => {
  const raster = makeRaster(20, 3);
  raster.bits[0] = 1;
  const file = encodePng(raster);
  assert.equal(file[24], 1, 'bit depth');
  assert.equal(file[25], 0, 'greyscale');
  const { data } = await sharp(file).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([data[0], data[1]], [0, 255]);
});
