import type { Tensor } from './runtime/runtime.ts';
import type { BoardPair, Plane } from './threads/messages.ts';

/** A part of the board that is run at once, in pixels; sides and corners are multiples of 8. */
export interface Tile {
  x: number;
  y: number;
  width: number;
  height: number;
  /** The part of the board whose peaks this tile tells; those of all tiles cover the board once. Ends are exclusive. */
  own: { left: number; top: number; right: number; bottom: number };
}

/** Boards up to this side run whole (about 100 MB of working memory); larger ones in tiles of the size the model was made for. */
const WHOLE = 1024;
const TILE = 640;
/**
 * How far a cell of the maps sees: 8 px of the stem, 80 of the body's dilations, 8 of the neck, 8 of the peak mask. A tile tells of what lies at least
 * that far inside, so a defect on a seam gets the box and score that it gets in one piece.
 */
const SEES = 104;
const padded = (side: number): number => Math.ceil(side / 8) * 8;

interface Span {
  at: number;
  size: number;
  from: number;
  to: number;
}

/** Spans of TILE that overlap by at least twice SEES, as evenly as multiples of 8 allow; each owns the board up to the middle of its overlaps. */
function spans(side: number): Span[] {
  if (side <= TILE) return [{ at: 0, size: side, from: 0, to: side }];
  const count = Math.ceil((side - TILE) / (TILE - 2 * SEES)) + 1;
  const starts = Array.from({ length: count }, (_, index) => 8 * Math.floor((index * (side - TILE)) / (count - 1) / 8));
  const middle = (index: number) => 8 * Math.floor(((starts[index] as number) + TILE + (starts[index + 1] as number)) / 16);
  return starts.map((at, index) => ({
    at,
    size: TILE,
    from: index === 0 ? 0 : middle(index - 1),
    to: index === count - 1 ? side : middle(index),
  }));
}

/** Covers the board: one tile up to 1024 pixels a side, else tiles of 640 that overlap by at least 208. */
export function tilesOf(width: number, height: number): Tile[] {
  const [w, h] = [padded(width), padded(height)];
  if (w <= WHOLE && h <= WHOLE) return [{ x: 0, y: 0, width: w, height: h, own: { left: 0, top: 0, right: w, bottom: h } }];
  return spans(h).flatMap((down) =>
    spans(w).map((across) => ({
      x: across.at,
      y: down.at,
      width: across.size,
      height: down.size,
      own: { left: across.from, top: down.from, right: across.to, bottom: down.to },
    })),
  );
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
