import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { align } from './align.ts';
import { moved } from './move.ts';
import { pack, readPair } from './picture.ts';

/** Copper as a function of place, so that a picture of it can be taken with any shift and stretch: crossing bands of uneven width, and discs. */
function copperAt(x: number, y: number): boolean {
  const bands = Math.sin(x / 9 + Math.sin(x / 61) * 2) > 0.25 || Math.sin(y / 11 + Math.sin(y / 83) * 3) > 0.6;
  const disc = ((x - 300) % 160) ** 2 + ((y - 200) % 140) ** 2 < 900;
  return bands !== disc;
}

function take(width: number, height: number, place: (x: number, y: number) => [number, number]): Uint8Array {
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) pixels[y * width + x] = copperAt(...place(x, y)) ? 0 : 255;
  return pixels;
}
const still = (x: number, y: number): [number, number] => [x, y];
const planeOf = (pixels: Uint8Array, width: number, height: number) => pack(pixels, width, height);

test('a shift of whole pixels is found and undone, to the pixel, away from the borders', () => {
  for (const [width, height] of [
    [640, 640],
    [333, 250],
    [1500, 1100],
  ] as const) {
    const template = planeOf(take(width, height, still), width, height);
    for (const [dx, dy] of [
      [0, 0],
      [3, -2],
      [-8, 8],
      [7, 1],
      [-5, 0],
    ] as const) {
      const inspected = planeOf(
        take(width, height, (x, y) => [x - dx, y - dy]),
        width,
        height,
      );
      const { shift, residual } = align(template, inspected);
      assert.deepEqual(shift, { dx, dy }, `${width} x ${height}`);
      assert.equal(residual, 0);
      const under = moved(template, shift);
      const perRow = Math.ceil(width / 8);
      const inside = ({ bits }: typeof under, y: number) => Buffer.from(bits.subarray(y * perRow + 1, (y + 1) * perRow - 2));
      for (let y = 8; y < height - 8; y += 1) assert.ok(inside(under, y).equals(inside(inspected, y)), `row ${y}`);
    }
  }
});

test('a board that looks the same along an axis, a blank one and a tiny one stay where they are', () => {
  const [width, height] = [640, 640];
  const tracks = (x: number) => (x % 32 < 16 ? 0 : 255);
  const bands = Uint8Array.from({ length: width * height }, (_, at) => tracks(at % width));
  const cut = bands.slice();
  for (let y = 300; y < 312; y += 1) cut.fill(255, y * width + 128, y * width + 144);
  assert.deepEqual(align(planeOf(bands, width, height), planeOf(cut, width, height)).shift, { dx: 0, dy: 0 });
  const blank = new Uint8Array(width * height).fill(255);
  assert.deepEqual(align(planeOf(blank, width, height), planeOf(blank, width, height)).shift, { dx: 0, dy: 0 });
  const tiny = align(
    planeOf(take(16, 9, still), 16, 9),
    planeOf(
      take(16, 9, (x, y) => [x + 2, y]),
      16,
      9,
    ),
  );
  assert.deepEqual([tiny.shift, tiny.residual], [{ dx: 0, dy: 0 }, 0]);
});

test('what comes in at the border repeats it, and padding stays laminate', () => {
  const black = new Uint8Array(13 * 5);
  const under = moved(planeOf(black, 13, 5), { dx: 4, dy: -3 });
  assert.deepEqual(under, planeOf(black, 13, 5));
});

test('a stretch of the picture is told in pixels between its outer thirds; without one there is none', () => {
  const [width, height] = [640, 640];
  const template = planeOf(take(width, height, still), width, height);
  const stretched = (share: number) =>
    planeOf(
      take(width, height, (x, y) => [x * (1 - share) + 1, y]),
      width,
      height,
    );
  const of = (share: number) => align(template, stretched(share)).stretch;
  assert.ok(of(0) < 0.4, `${of(0)}`);
  for (const share of [0.003, 0.006, -0.005]) {
    const expected = Math.abs(share) * width * (2 / 3);
    assert.ok(Math.abs(of(share) - expected) < 0.25 * expected, `${of(share)} for ${expected}`);
  }
});

test('copper and sharpness are those of the inspected picture, and a blur is seen whatever the board', async () => {
  const [width, height] = [320, 200];
  const pixels = take(width, height, still);
  const png = async (blur?: number) => {
    const image = sharp(pixels, { raw: { width, height, channels: 1 } });
    return new Uint8Array(await (blur ? image.blur(blur) : image).png().toBuffer());
  };
  const { features } = await readPair(await png(), await png());
  const copper = pixels.reduce((count, value) => count + (value === 0 ? 1 : 0), 0) / pixels.length;
  assert.ok(Math.abs(features.copper_fraction - copper) < 1e-4);
  assert.equal(features.sharpness, 1);
  assert.equal(features.residual, 0);
  const blurred = [await readPair(await png(1), await png()), await readPair(await png(2), await png())].map(
    (read) => read.features.sharpness,
  );
  assert.ok(blurred[0]! < 0.6 && blurred[1]! < blurred[0]!, `${blurred}`);
});
