import type { Raster, Rect } from './raster.ts';

/** Largest (or least) value of the (2r+1) x (2r+1) neighbourhood, in place; outside the picture nothing counts. */
function spread(raster: Raster, radius: number, value: 0 | 1): void {
  const { width, height, bits } = raster;
  const side = new Uint8Array(bits.length);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    let last = -Infinity;
    for (let x = 0; x < Math.min(radius, width); x++) if (bits[row + x] === value) last = x;
    for (let x = 0; x < width; x++) {
      const ahead = x + radius;
      if (ahead < width && bits[row + ahead] === value) last = ahead;
      side[row + x] = last >= x - radius ? value : 1 - value;
    }
  }
  const lastRow = new Int32Array(width).fill(-1000000);
  for (let y = 0; y < Math.min(radius, height); y++) for (let x = 0; x < width; x++) if (side[y * width + x] === value) lastRow[x] = y;
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const ahead = y + radius;
    for (let x = 0; x < width; x++) {
      if (ahead < height && side[ahead * width + x] === value) lastRow[x] = ahead;
      bits[row + x] = (lastRow[x] as number) >= y - radius ? value : 1 - value;
    }
  }
}

export function dilate(raster: Raster, radius: number): void {
  spread(raster, radius, 1);
}

export function erode(raster: Raster, radius: number): void {
  spread(raster, radius, 0);
}

/** Removes copper and laminate thinner than 2 * radius + 1 px: opening, then closing. */
export function removeSlivers(raster: Raster, radius: number): void {
  erode(raster, radius);
  dilate(raster, 2 * radius);
  erode(raster, radius);
}

/**
 * Distance of every pixel to the nearest pixel of the other phase, in thirds of a pixel (chamfer 3-4, error under 8 %),
 * capped at 65535. The border of the picture counts as neither phase: what runs out of the picture goes on.
 */
export function distanceToEdge(raster: Raster): Uint16Array {
  const { width, height, bits } = raster;
  const far = 60000;
  const out = new Uint16Array(bits.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const own = bits[i];
      let best = far;
      if (x > 0) best = Math.min(best, bits[i - 1] === own ? (out[i - 1] as number) + 3 : 3);
      if (y > 0) {
        best = Math.min(best, bits[i - width] === own ? (out[i - width] as number) + 3 : 3);
        if (x > 0) best = Math.min(best, bits[i - width - 1] === own ? (out[i - width - 1] as number) + 4 : 4);
        if (x + 1 < width) best = Math.min(best, bits[i - width + 1] === own ? (out[i - width + 1] as number) + 4 : 4);
      }
      out[i] = Math.min(far, best);
    }
  }
  for (let y = height - 1; y >= 0; y--) {
    for (let x = width - 1; x >= 0; x--) {
      const i = y * width + x;
      const own = bits[i];
      let best = out[i] as number;
      if (x + 1 < width) best = Math.min(best, bits[i + 1] === own ? (out[i + 1] as number) + 3 : 3);
      if (y + 1 < height) {
        best = Math.min(best, bits[i + width] === own ? (out[i + width] as number) + 3 : 3);
        if (x + 1 < width) best = Math.min(best, bits[i + width + 1] === own ? (out[i + width + 1] as number) + 4 : 4);
        if (x > 0) best = Math.min(best, bits[i + width - 1] === own ? (out[i + width - 1] as number) + 4 : 4);
      }
      out[i] = best;
    }
  }
  return out;
}

/** Labels of the connected components of one phase inside a window; label 0 is the other phase, 1..count the components. */
export interface Components {
  readonly window: Rect;
  readonly columns: number;
  readonly labels: Int32Array;
  readonly sizes: number[];
  readonly count: number;
}

/**
 * Connected components of `phase` inside `window`. Copper joins over 8 neighbours and laminate over 4, so that two
 * phases never cross each other in one corner.
 */
export function components(raster: Raster, window: Rect, phase: 0 | 1): Components {
  const columns = window.x2 - window.x1 + 1;
  const rows = window.y2 - window.y1 + 1;
  const labels = new Int32Array(columns * rows);
  const stack = new Int32Array(columns * rows);
  const sizes = [0];
  const { bits, width } = raster;
  const diagonal = phase === 1;
  for (let start = 0; start < labels.length; start++) {
    const sx = start % columns;
    const sy = (start - sx) / columns;
    if (labels[start] !== 0 || bits[(sy + window.y1) * width + sx + window.x1] !== phase) continue;
    const label = sizes.length;
    let top = 0;
    let size = 0;
    stack[top++] = start;
    labels[start] = label;
    while (top > 0) {
      const at = stack[--top] as number;
      size++;
      const x = at % columns;
      const y = (at - x) / columns;
      for (let dy = -1; dy <= 1; dy++) {
        const ny = y + dy;
        if (ny < 0 || ny >= rows) continue;
        for (let dx = -1; dx <= 1; dx++) {
          const nx = x + dx;
          if (nx < 0 || nx >= columns || (!diagonal && dx !== 0 && dy !== 0)) continue;
          const next = ny * columns + nx;
          if (labels[next] === 0 && bits[(ny + window.y1) * width + nx + window.x1] === phase) {
            labels[next] = label;
            stack[top++] = next;
          }
        }
      }
    }
    sizes.push(size);
  }
  return { window, columns, labels, sizes, count: sizes.length - 1 };
}

/** The rectangle grown by `margin` px on every side and clipped to the picture. */
export function grow(rect: Rect, margin: number, width: number, height: number): Rect {
  return {
    x1: Math.max(0, rect.x1 - margin),
    y1: Math.max(0, rect.y1 - margin),
    x2: Math.min(width - 1, rect.x2 + margin),
    y2: Math.min(height - 1, rect.y2 + margin),
  };
}
