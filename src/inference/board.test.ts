import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { tensorOf, tilesOf } from './board.ts';
import { pack } from './threads/picture.ts';

const side = fc.integer({ min: 1, max: 3000 });

test('tiles cover every pixel, hold to multiples of 8, overlap by 208 where there is more than one, and own every place once', () => {
  fc.assert(
    fc.property(side, side, (width, height) => {
      const tiles = tilesOf(width, height);
      for (const { x, y, width: w, height: h } of tiles) for (const value of [x, y, w, h]) assert.equal(value % 8, 0);
      if (Math.max(width, height) <= 1024) assert.equal(tiles.length, 1);
      for (const axis of ['x', 'y'] as const) {
        const size = axis === 'x' ? 'width' : 'height';
        const starts = [...new Set(tiles.map((tile) => tile[axis]))].sort((one, other) => one - other);
        assert.equal(starts[0], 0);
        for (const [at, start] of starts.slice(1).entries())
          assert.ok((starts[at] ?? 0) + 640 - start >= 208, `${start} after ${starts[at]}`);
        const [low, high] = axis === 'x' ? (['left', 'right'] as const) : (['top', 'bottom'] as const);
        const edges = [...new Set(tiles.flatMap(({ own }) => [own[low], own[high]]))].sort((one, other) => one - other);
        assert.equal(edges.length, starts.length + 1, 'the parts that tiles own lie side by side');
        for (const tile of tiles) {
          if (tile[axis] > 0) assert.ok(tile.own[low] - tile[axis] >= 104);
          if (tile[axis] + tile[size] < (edges.at(-1) ?? 0)) assert.ok(tile[axis] + tile[size] - tile.own[high] >= 104);
        }
        assert.ok((starts.at(-1) ?? 0) + (tiles[0]?.[size] ?? 0) >= (axis === 'x' ? width : height));
      }
    }),
  );
  assert.equal(tilesOf(640, 640).length, 1);
  assert.equal(tilesOf(1024, 1024).length, 1);
  assert.equal(tilesOf(1025, 640).length, 2);
});

test('packing and unpacking give every pixel back; padding is laminate', () => {
  const pictures = fc
    .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }))
    .chain(([width, height]) =>
      fc.tuple(fc.constant(width), fc.constant(height), fc.uint8Array({ minLength: 2 * width * height, maxLength: 2 * width * height })),
    );
  fc.assert(
    fc.property(pictures, ([width, height, noise]) => {
      const pixels = noise.map((value) => (value & 1 ? 0 : 255));
      const half = width * height;
      const pair = { template: pack(pixels.subarray(0, half), width, height), inspected: pack(pixels.subarray(half), width, height) };
      const [tile] = tilesOf(width, height);
      const { dims, data } = tensorOf(pair, tile!);
      const [, , rows = 0, columns = 0] = dims;
      for (let channel = 0; channel < 2; channel += 1)
        for (let y = 0; y < rows; y += 1)
          for (let x = 0; x < columns; x += 1) {
            const copper = x < width && y < height && pixels[channel * half + y * width + x] === 0 ? 1 : 0;
            assert.equal(data[channel * rows * columns + y * columns + x], copper);
          }
    }),
    { numRuns: 30 },
  );
});

test('a tile of a large board is the same cut of both pictures', () => {
  const [width, height] = [1300, 700];
  const pixels = Uint8Array.from({ length: width * height }, (_, at) => ((at * 2654435761) & 64 ? 0 : 255));
  const plane = pack(pixels, width, height);
  for (const tile of tilesOf(width, height)) {
    const { data } = tensorOf({ template: plane, inspected: plane }, tile);
    for (let probe = 0; probe < 500; probe += 1) {
      const [x, y] = [(probe * 7919) % tile.width, (probe * 104729) % tile.height];
      const inside = tile.x + x < width && tile.y + y < height;
      const copper = inside && pixels[(tile.y + y) * width + tile.x + x] === 0 ? 1 : 0;
      assert.equal(data[y * tile.width + x], copper);
      assert.equal(data[tile.width * tile.height + y * tile.width + x], copper);
    }
  }
});
