import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tensorOf, tilesOf } from '../../src/inference/board.ts';
import { boxesOf, candidatesOf, FLOOR, rawScore } from '../../src/inference/detections.ts';
import { pack } from '../../src/inference/threads/picture.ts';
import { makeTemplate } from '../../src/simulator/boards/board.ts';
import { openLooker } from '../../tools/evaluation/looker.ts';

const looker = await openLooker(fileURLToPath(new URL('../../models', import.meta.url)), 1);
after(() => looker.close());
const { manifest, runtime } = looker;

type Tiles = ReturnType<typeof tilesOf>;
async function judged(template: Uint8Array, inspected: Uint8Array, width: number, height: number, tiles: Tiles) {
  const pair = { template: pack(template, width, height), inspected: pack(inspected, width, height) };
  const found = [];
  for (const tile of tiles) {
    const outputs = await runtime.infer({ model: manifest.name, version: manifest.version, tensors: { pair: tensorOf(pair, tile) } });
    found.push(...boxesOf(outputs, manifest.classes.length, rawScore(FLOOR, manifest.calibration), tile, { width, height }));
  }
  return candidatesOf(found, manifest).sort((one, other) => one.box.x - other.box.x || one.box.y - other.box.y);
}

/** A board larger than the simulator draws: its boards side by side. Defects 110 px apart, each row elsewhere, so that every seam has some. */
function drawn(width: number, height: number): [Uint8Array, Uint8Array] {
  const parts = Array.from({ length: 9 }, (_, index) => makeTemplate(900 + index, 512).golden.bits);
  const template = Uint8Array.from({ length: width * height }, (_, at) => {
    const [x, y] = [at % width, Math.floor(at / width)];
    const part = parts[Math.floor(y / 512) * 3 + Math.floor(x / 512)] as Uint8Array;
    return part[(y % 512) * 512 + (x % 512)] === 1 ? 0 : 255;
  });
  const inspected = template.slice();
  for (let y = 28, row = 0; y < height - 10; y += 110, row += 1)
    for (let x = 25 + (row % 5) * 22; x < width - 10; x += 110)
      for (let dy = -4; dy <= 4; dy += 1)
        for (let dx = -4; dx <= 4; dx += 1) if (dx * dx + dy * dy <= 17) inspected[(y + dy) * width + x + dx]! ^= 255;
  return [template, inspected];
}

for (const [width, height] of [
  [1280, 1280],
  [1500, 1100],
] as const)
  test(`a board of ${width} x ${height}: every defect, on a seam or not, gets the box and score that it gets in one piece`, async () => {
    const [template, inspected] = drawn(width, height);
    const tiles = tilesOf(width, height);
    assert.ok(tiles.length >= 6);
    const [w, h] = [Math.ceil(width / 8) * 8, Math.ceil(height / 8) * 8];
    const whole = [{ x: 0, y: 0, width: w, height: h, own: { left: 0, top: 0, right: w, bottom: h } }];
    const [apart, once] = [
      await judged(template, inspected, width, height, tiles),
      await judged(template, inspected, width, height, whole),
    ];
    const seams = (side: 'left' | 'top') => [...new Set(tiles.map(({ own }) => own[side]))].filter((at) => at > 0);
    const onSeam = once.filter(
      ({ box }) =>
        seams('left').some((x) => box.x < x && box.x + box.width > x) || seams('top').some((y) => box.y < y && box.y + box.height > y),
    );
    assert.ok(once.length > 80 && once.length < 200 && onSeam.length >= 4, `${once.length} candidates, ${onSeam.length} on a seam`);
    assert.equal(apart.length, once.length);
    for (const [at, one] of once.entries()) {
      const other = apart[at]!;
      assert.equal(other.class, one.class);
      for (const side of ['x', 'y', 'width', 'height'] as const) assert.ok(Math.abs(other.box[side] - one.box[side]) <= 0.02, side);
      assert.ok(Math.abs(other.score - one.score) <= 1e-3, `${other.score} and ${one.score}`);
    }
  });
