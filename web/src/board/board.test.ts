import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { difference, grown } from './difference.ts';
import { framed, placeLabels } from './labels.ts';
import { fit, goTo, toScreen, zoomAt } from './view.ts';

const picture = { width: 640, height: 640 };
const port = { width: 800, height: 600 };

test('zooming keeps the point under the pointer where it is', () => {
  const at = fc.record({ x: fc.integer({ min: 300, max: 500 }), y: fc.integer({ min: 200, max: 400 }) });
  fc.assert(
    fc.property(at, fc.double({ min: 1.01, max: 4, noNaN: true }), (pointer, factor) => {
      const before = fit(picture, port);
      const after = zoomAt(before, factor, pointer, picture, port);
      const under = (view: typeof before) => view.x + (pointer.x - port.width / 2) / view.scale;
      assert.ok(Math.abs(under(before) - under(after)) < 1e-6);
    }),
  );
});

test('a selected box stands in the middle of the port', () => {
  const box = { x: 100, y: 520, width: 20, height: 12 };
  const on = toScreen(box, goTo(box, picture, port), port);
  assert.ok(Math.abs(on.x + on.width / 2 - 400) < 0.01 && Math.abs(on.y + on.height / 2 - 300) < 0.01);
});

test('a label covers no frame and no other label while there is room', () => {
  const frames = [0, 1, 2, 3].map((i) => framed({ x: 100 + i * 30, y: 100 + i * 26, width: 20, height: 16 }));
  const labels = placeLabels(
    frames.map((frame) => ({ frame, width: 72 })),
    port,
  );
  const covers = (a: (typeof frames)[number], b: (typeof frames)[number]) =>
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
  for (const [i, label] of labels.entries()) {
    for (const frame of frames) assert.ok(!covers(label, frame));
    for (const [j, other] of labels.entries()) assert.ok(i === j || !covers(label, other));
  }
});

test('a label stays in a narrow port when neither side of its frame has room for it', () => {
  const narrow = { width: 183, height: 183 };
  const [label] = placeLabels([{ frame: { x: 66, y: 66, width: 50, height: 50 }, width: 130 }], narrow);
  assert.ok(label && label.x >= 0 && label.x + label.width <= narrow.width, JSON.stringify(label));
});

test('growing copper is the same as looking for copper nearby', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 48, maxLength: 48 }),
      fc.integer({ min: 1, max: 3 }),
      (cells, radius) => {
        const width = 8;
        const height = 6;
        const out = grown(Uint8Array.from(cells), width, height, radius);
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            let near = 0;
            for (let v = 0; v < height; v++)
              for (let u = 0; u < width; u++) if (cells[v * width + u] && Math.abs(u - x) <= radius && Math.abs(v - y) <= radius) near = 1;
            assert.equal(out[y * width + x], near);
          }
        }
      },
    ),
  );
});

test('an edge that wanders by two pixels is no difference; a bite of three and a spot of seven are', () => {
  const width = 32;
  const bar = (from: number, to: number) =>
    Uint8Array.from({ length: width * width }, (_, i) => (i % width >= from && i % width < to ? 1 : 0));
  assert.ok(difference(bar(10, 20), bar(8, 22), width, width).every((cell) => cell === 0));
  const bite = bar(10, 20).map((cell, i) => (i % width < 13 && i > 10 * width && i < 16 * width ? 0 : cell));
  assert.equal(difference(bite, bar(10, 20), width, width).filter((cell) => cell === 2).length, 18);
  const spot = bar(10, 20).map((cell, i) => (i % width >= 24 && i % width < 31 && i < 7 * width ? 1 : cell));
  assert.ok(difference(spot, bar(10, 20), width, width).some((cell) => cell === 1));
  assert.ok(difference(bar(10, 20), spot, width, width).some((cell) => cell === 2));
});
