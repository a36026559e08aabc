import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { frameAt } from './aim.ts';

test('a marked frame lies on the picture in whole pixels, and around where it was aimed as far as that goes', () => {
  const side = fc.integer({ min: 8, max: 256 });
  const place = fc.integer({ min: 0, max: 640 });
  fc.assert(
    fc.property(fc.record({ x: place, y: place }), fc.record({ width: side, height: side }), (at, frame) => {
      const picture = { width: 640, height: 480 };
      const box = frameAt(at, frame, picture);
      assert.ok(Number.isInteger(box.x) && Number.isInteger(box.y));
      assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= 640 && box.y + box.height <= 480);
      if (at.x >= 128 && at.x <= 512) assert.ok(Math.abs(box.x + box.width / 2 - at.x) <= 1);
    }),
  );
  assert.deepEqual(frameAt({ x: 5, y: 5 }, { width: 99, height: 99 }, { width: 20, height: 10 }), { x: 0, y: 0, width: 20, height: 10 });
});
