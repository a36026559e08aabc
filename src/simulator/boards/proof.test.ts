import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distanceToEdge } from './morphology.ts';
import { provesCut, provesEdge, provesInside } from './proof.ts';
import type { Raster } from './raster.ts';
import { copyRaster, fillRect, makeRaster } from './raster.ts';

interface Edit {
  readonly before: Raster;
  readonly after: Raster;
  readonly changed: number[];
}

/** A horizontal trace over rows 20..29 of a 60 x 60 picture (and a second over rows 40..49), with one rectangle changed. */
function edit(x1: number, y1: number, x2: number, y2: number, value: 0 | 1, closedRing = false): Edit {
  const before = makeRaster(60, 60);
  fillRect(before, 0, 20, 59, 29, 1);
  fillRect(before, 0, 40, 59, 49, 1);
  if (closedRing) fillRect(before, 22, 20, 25, 49, 1);
  const after = copyRaster(before);
  fillRect(after, x1, y1, x2, y2, value);
  const changed = [...after.bits.keys()].filter((at) => after.bits[at] !== before.bits[at]);
  return { before, after, changed };
}

test('a slot right across a trace is an open; one that stops a pixel short of the far side is not', () => {
  const cut = edit(30, 18, 33, 31, 0);
  assert.ok(provesCut(cut.before, cut.after, cut.changed, 1, true));
  const notch = edit(30, 20, 33, 28, 0);
  assert.ok(!provesCut(notch.before, notch.after, notch.changed, 1));
});

test('a bar from trace to trace is a short; one that leaves a pixel of laminate, or joins copper already joined, is not', () => {
  const bridge = edit(30, 30, 33, 39, 1);
  assert.ok(provesCut(bridge.before, bridge.after, bridge.changed, 0));
  const stub = edit(30, 30, 33, 38, 1);
  assert.ok(!provesCut(stub.before, stub.after, stub.changed, 0));
  const sameNet = edit(30, 30, 33, 39, 1, true);
  assert.ok(!provesCut(sameNet.before, sameNet.after, sameNet.changed, 0));
});

test('a nibble that leaves less than two pixels of the trace is refused, for an edge that rough is an open', () => {
  const nibble = edit(30, 20, 36, 24, 0);
  assert.ok(provesEdge(nibble.before, nibble.after, nibble.changed, 1));
  const nearly = edit(30, 20, 36, 28, 0);
  assert.ok(!provesEdge(nearly.before, nearly.after, nearly.changed, 1));
});

test('an outgrowth stays a spur only while it touches one conductor', () => {
  const spur = edit(30, 30, 33, 35, 1);
  assert.ok(provesEdge(spur.before, spur.after, spur.changed, 0));
  const bridge = edit(30, 30, 33, 39, 1);
  assert.ok(!provesEdge(bridge.before, bridge.after, bridge.changed, 0));
  const island = edit(30, 33, 33, 36, 1);
  assert.ok(!provesEdge(island.before, island.after, island.changed, 0));
});

test('a hole is enclosed only with three pixels of copper all round', () => {
  const inner = edit(30, 24, 33, 25, 0);
  assert.ok(provesInside(distanceToEdge(inner.before), inner.changed));
  const outer = edit(30, 21, 33, 25, 0);
  assert.ok(!provesInside(distanceToEdge(outer.before), outer.changed));
});
