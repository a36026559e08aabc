import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Candidate } from '../contracts/inference.ts';
import { differenceIn, stillDifferent } from './still-different.ts';
import { pack } from './threads/picture.ts';

const [width, height] = [120, 90];
/** A disc, so that its edge has every slope, and a cut or a bump somewhere on it. */
function disc(radius: number, changed?: { x: number; y: number; size: number; copper: boolean }) {
  const pixels = Uint8Array.from({ length: width * height }, (_, at) => {
    const [x, y] = [at % width, Math.floor(at / width)];
    if (changed && Math.abs(x - changed.x) <= changed.size && Math.abs(y - changed.y) <= changed.size) return changed.copper ? 0 : 255;
    return (x - 60) ** 2 + (y - 45) ** 2 <= radius ** 2 ? 0 : 255;
  });
  return pack(pixels, width, height);
}
const whole = { x: 0, y: 0, width, height };

test('an edge that moved by a pixel either way is no difference, whatever its slope; one that moved by three is', () => {
  const template = disc(30);
  for (const radius of [29, 29.5, 30, 30.5, 31]) assert.equal(differenceIn({ template, inspected: disc(radius) }, whole), 0, `${radius}`);
  assert.ok(differenceIn({ template, inspected: disc(33) }, whole) > 50);
});

test('a pin-hole, a cut and a speck of copper are differences, also at the border of the picture', () => {
  const template = disc(30);
  for (const changed of [
    { x: 60, y: 45, size: 2, copper: false },
    { x: 88, y: 45, size: 4, copper: false },
    { x: 0, y: 0, size: 3, copper: true },
    { x: 119, y: 89, size: 3, copper: true },
  ])
    assert.ok(differenceIn({ template, inspected: disc(30, changed) }, whole) >= 4, JSON.stringify(changed));
});

test('what the model calls where nothing differs is left out; the rest stays in order, and a crowd stays whole', () => {
  const pair = { template: disc(30), inspected: disc(31, { x: 60, y: 45, size: 3, copper: false }) };
  const at = (x: number, y: number, score: number): Candidate => ({ class: 'pin_hole', score, box: { x, y, width: 20, height: 20 } });
  assert.deepEqual(stillDifferent(pair, [at(80, 30, 0.9), at(50, 35, 0.8), at(5.5, 5.25, 0.7)]), [at(50, 35, 0.8)]);
  const crowd = Array.from({ length: 65 }, () => at(5, 5, 0.5));
  assert.deepEqual(stillDifferent(pair, crowd), crowd);
});
