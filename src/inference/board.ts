import type { Tensor } from './runtime/runtime.ts';
import type { BoardPair, Plane } from './threads/messages.ts';

/** A part of the board that is run at once, in pixels; sides and corners are multiples of 8. */
export interface Tile {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Boards up to this side run whole (about 100 MB of working memory); larger ones in tiles of the size the model was made for. */
const WHOLE = 1024;
const TILE = 640;
const OVERLAP = 64;
const padded = (side: number): number => Math.ceil(side / 8) * 8;

function starts(side: number): number[] {
  if (side <= TILE) return [0];
  const found: number[] = [];
  for (let at = 0; at + TILE < side; at += TILE - OVERLAP) found.push(at);
  found.push(side - TILE);
  return found;
}

/** Covers the board: one tile up to 1024 pixels a side, else tiles of 640 that overlap by at least 64. */
export function tilesOf(width: number, height: number): Tile[] {
  const [w, h] = [padded(width), padded(height)];
  if (w <= WHOLE && h <= WHOLE) return [{ x: 0, y: 0, width: w, height: h }];
  return starts(h).flatMap((y) => starts(w).map((x) => ({ x, y, width: Math.min(TILE, w), height: Math.min(TILE, h) })));
}

/** Eight pixels by their byte, as the eight bytes of a double: unpacking copies one number for eight pixels. None of these is a NaN. */
const EIGHT = new Float64Array(256);
const eightBytes = new Uint8Array(EIGHT.buffer);
for (let byte = 0; byte < 256; byte += 1) for (let bit = 0; bit < 8; bit += 1) eightBytes[byte * 8 + bit] = (byte >> (7 - bit)) & 1;

function unpack(plane: Plane, tile: Tile, into: Float64Array, from: number): void {
  const stride = padded(plane.width) / 8;
  let to = from;
  for (let y = tile.y; y < tile.y + tile.height; y += 1) {
    const row = y * stride + tile.x / 8;
    for (let at = row; at < row + tile.width / 8; at += 1) into[to++] = EIGHT[plane.bits[at] as number] as number;
  }
}

/** Input `pair` of the model: uint8 [1, 2, height, width], channel 0 the template, 1 the inspected picture, copper 1. */
export function tensorOf(pair: BoardPair, tile: Tile): Tensor {
  const data = new Float64Array((2 * tile.width * tile.height) / 8);
  unpack(pair.template, tile, data, 0);
  unpack(pair.inspected, tile, data, data.length / 2);
  return { type: 'uint8', dims: [1, 2, tile.height, tile.width], data: new Uint8Array(data.buffer) };
}
