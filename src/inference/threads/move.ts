import type { Shift } from './align.ts';
import type { Field } from './field.ts';
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

/** The field at a pixel, between the middles of its parts; beyond the outermost middles it goes on as it is there. */
function sampler({ columns, rows, width, height }: Field): (values: Float32Array, x: number, y: number) => number {
  const split = (at: number, size: number, count: number): [number, number] => {
    const place = Math.min(Math.max(at / size - 0.5, 0), count - 1);
    const low = Math.min(Math.floor(place), Math.max(0, count - 2));
    return [low, place - low];
  };
  return (values, x, y) => {
    const [column, right] = split(x, width, columns);
    const [row, down] = split(y, height, rows);
    const at = row * columns + column;
    const [next, below] = [column + 1 < columns ? 1 : 0, row + 1 < rows ? columns : 0];
    const top = values[at]! * (1 - right) + values[at + next]! * right;
    const low = values[at + below]! * (1 - right) + values[at + below + next]! * right;
    return top * (1 - down) + low * down;
  };
}

/**
 * The template as it would lie under the picture: moved by the shift and, part by part, by the field, in whole pixels and cells of 8 x 8 (over which a
 * field as smooth as a camera's changes by a twentieth of a pixel). What comes in from outside repeats the border.
 */
export function moved(template: Plane, shift: Shift, field: Field | null): Plane {
  const { width, height } = template;
  const perRow = Math.ceil(width / 8);
  const { stride, bytes } = continued(template);
  const bits = new Uint8Array(template.bits.length);
  const read = field ? sampler(field) : null;
  const lastMask = (255 << (perRow * 8 - width)) & 255;
  for (let top = 0; top < height; top += 8)
    for (let column = 0; column < perRow; column += 1) {
      const dx = shift.dx + (field && read ? Math.round(read(field.dx, column * 8 + 4, top + 4)) : 0);
      const dy = shift.dy + (field && read ? Math.round(read(field.dy, column * 8 + 4, top + 4)) : 0);
      const from = (column + PAD) * 8 - dx;
      const [byte, turn] = [from >> 3, 8 - (from & 7)];
      const mask = column === perRow - 1 ? lastMask : 255;
      for (let y = top; y < Math.min(top + 8, height); y += 1) {
        const row = Math.min(Math.max(y - dy, 0), height - 1) * stride + byte;
        bits[y * perRow + column] = (((bytes[row]! << 8) | bytes[row + 1]!) >> turn) & mask;
      }
    }
  return { width, height, bits };
}
