import type { Shift } from './align.ts';
import type { Plane } from './messages.ts';

/** Bytes that a row is continued by on each side: more than any displacement. */
const PAD = 4;

/** Each row continued to both sides with its outermost pixels. */
function continued({ width, height, bits }: Plane): { stride: number; bytes: Uint8Array } {
  const perRow = Math.ceil(width / 8);
  const stride = perRow + 2 * PAD + 1;
  const bytes = new Uint8Array(stride * height);
  const over = perRow * 8 - width;
  for (let y = 0; y < height; y += 1) {
    const [row, to] = [y * perRow, y * stride];
    const last = row + perRow - 1;
    bytes.fill(bits[row]! & 128 ? 255 : 0, to, to + PAD);
    bytes.set(bits.subarray(row, row + perRow), to + PAD);
    const end = (bits[last]! >> over) & 1;
    if (end) bytes[to + PAD + perRow - 1]! |= (1 << over) - 1;
    bytes.fill(end ? 255 : 0, to + PAD + perRow, to + stride);
  }
  return { stride, bytes };
}

/** The template as it would lie under the picture, moved by whole pixels; what comes in from outside repeats the border. */
export function moved(template: Plane, { dx, dy }: Shift): Plane {
  const { width, height } = template;
  if (dx === 0 && dy === 0) return template;
  const perRow = Math.ceil(width / 8);
  const { stride, bytes } = continued(template);
  const bits = new Uint8Array(template.bits.length);
  const [skip, turn] = [PAD - Math.ceil(dx / 8), 8 - ((8 * Math.ceil(dx / 8) - dx) & 7)];
  for (let y = 0; y < height; y += 1) {
    const row = Math.min(Math.max(y - dy, 0), height - 1) * stride + skip;
    for (let column = 0; column < perRow; column += 1)
      bits[y * perRow + column] = (((bytes[row + column]! << 8) | bytes[row + column + 1]!) >> turn) & 255;
    bits[(y + 1) * perRow - 1]! &= 255 << (perRow * 8 - width);
  }
  return { width, height, bits };
}
