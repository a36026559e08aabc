import type { Components } from './morphology.ts';
import { components, grow } from './morphology.ts';
import type { Raster, Rect } from './raster.ts';

/** Components smaller than this are crumbs of a ragged mark, not conductors or gaps. */
const crumb = 12;

/** The least rectangle around the pixels. */
export function boundsOf(pixels: ArrayLike<number>, width: number): Rect {
  let x1 = Infinity;
  let y1 = Infinity;
  let x2 = -Infinity;
  let y2 = -Infinity;
  for (let k = 0; k < pixels.length; k++) {
    const x = (pixels[k] as number) % width;
    const y = ((pixels[k] as number) - x) / width;
    if (x < x1) x1 = x;
    if (x > x2) x2 = x;
    if (y < y1) y1 = y;
    if (y > y2) y2 = y;
  }
  return { x1, y1, x2, y2 };
}

function sizable(found: Components): number {
  let count = 0;
  for (let label = 1; label <= found.count; label++) if ((found.sizes[label] as number) >= crumb) count++;
  return count;
}

/** Labels (crumbs left out) of `found` that hold a pixel within one step of a changed pixel. */
function labelsBeside(found: Components, changed: ArrayLike<number>, width: number): Set<number> {
  const { window, columns, labels, sizes } = found;
  const rows = window.y2 - window.y1 + 1;
  const out = new Set<number>();
  for (let k = 0; k < changed.length; k++) {
    const x = ((changed[k] as number) % width) - window.x1;
    const y = Math.floor((changed[k] as number) / width) - window.y1;
    for (let v = Math.max(0, y - 1); v <= Math.min(rows - 1, y + 1); v++) {
      for (let u = Math.max(0, x - 1); u <= Math.min(columns - 1, x + 1); u++) {
        const label = labels[v * columns + u] as number;
        if (label > 0 && (sizes[label] as number) >= crumb) out.add(label);
      }
    }
  }
  return out;
}

/** Where the proofs look: the changed pixels and 6 px around. A ring that closes outside it is still cut. */
function proofWindow(changed: ArrayLike<number>, raster: Raster): Rect {
  return grow(boundsOf(changed, raster.width), 6, raster.width, raster.height);
}

/**
 * A cut: `phase` lay in one piece across the changed pixels and lies in two or more afterwards. For an open, phase is
 * copper, and with `between` it must have parted two pieces of laminate, which an arc around the corner of a pad does
 * not. For a short, phase is laminate, and two pieces of copper must have become one besides.
 */
export function provesCut(before: Raster, after: Raster, changed: ArrayLike<number>, phase: 0 | 1, between = false): boolean {
  const window = proofWindow(changed, before);
  const width = before.width;
  const old = components(before, window, phase);
  const touched = labelsBeside(old, changed, width);
  if (touched.size !== 1) return false;
  const pieces = labelsBeside(components(after, window, phase), changed, width);
  if (pieces.size < 2) return false;
  if (phase === 1) return !between || labelsBeside(components(before, window, 0), changed, width).size > 1;
  const nets = labelsBeside(components(before, window, 1), changed, width);
  if (nets.size < 2) return false;
  return labelsBeside(components(after, window, 1), changed, width).size === 1;
}

/** Nibbles and outgrowths: the pieces of both phases stay as many as they were, also if the mark were a pixel wider. */
export function provesEdge(before: Raster, after: Raster, changed: ArrayLike<number>, phase: 0 | 1): boolean {
  const window = proofWindow(changed, before);
  const other = phase === 1 ? 0 : 1;
  if (labelsBeside(components(before, window, other), changed, before.width).size !== 1) return false;
  const own = sizable(components(before, window, phase));
  const others = sizable(components(before, window, other));
  if (sizable(components(after, window, phase)) !== own || sizable(components(after, window, other)) !== others) return false;
  const wider = { ...after, bits: after.bits };
  const turned: number[] = [];
  const { width, height, bits } = wider;
  for (let k = 0; k < changed.length; k++) {
    const x = (changed[k] as number) % width;
    const y = ((changed[k] as number) - x) / width;
    for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
      for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
        const at = v * width + u;
        if (bits[at] === phase) {
          bits[at] = other;
          turned.push(at);
        }
      }
    }
  }
  const kept = sizable(components(wider, window, phase)) === own;
  for (const at of turned) bits[at] = phase;
  return kept;
}

/** Islands and holes: every changed pixel is at least three steps from the other phase, so the mark is enclosed. */
export function provesInside(distance: Uint16Array, changed: ArrayLike<number>): boolean {
  for (let k = 0; k < changed.length; k++) if ((distance[changed[k] as number] as number) < 10) return false;
  return true;
}
