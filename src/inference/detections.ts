import type { Candidate } from '../contracts/inference.ts';
import type { Tile } from './board.ts';
import type { Manifest } from './models/manifest.ts';
import type { Tensors } from './runtime/runtime.ts';

/** From a model's maps to candidates, the same steps and constants as `training/detect.py`. Pure. */
export interface Found {
  /** Index into the manifest's classes. */
  kind: number;
  /** Raw until calibrated. */
  score: number;
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Pixels of the input per cell of the maps. */
const STRIDE = 8;
/** Scores are kept away from 0 and 1 before a logit is taken. */
const EDGE = 1e-6;
/** Least calibrated score that is kept. */
export const FLOOR = 0.05;
/** Most boxes of one tile before suppression, and most candidates of a board after it. */
const MOST = { tile: 200, board: 500 };

export function calibrated(score: number, { a, b }: Manifest['calibration']): number {
  const kept = Math.min(Math.max(score, EDGE), 1 - EDGE);
  return 1 / (1 + Math.exp(-(a * Math.log(kept / (1 - kept)) + b)));
}

/** The raw score whose calibrated score is `p`. */
export function rawScore(p: number, { a, b }: Manifest['calibration']): number {
  return 1 / (1 + Math.exp(-((Math.log(p / (1 - p)) - b) / a)));
}

export function overlap(one: Found, other: Found): number {
  const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  const area = (found: Found) => (found.right - found.left) * (found.bottom - found.top);
  return both / (area(one) + area(other) - both);
}

/**
 * Greedy, whatever the class: of two boxes that overlap by more than `iou` the better-scored stays. Falling score; equal scores keep their order. Ends with the
 * first `most`: each box is held against no more than those, on the event loop.
 */
export function suppress(found: readonly Found[], iou: number, most: number = MOST.board): Found[] {
  const kept: Found[] = [];
  for (const candidate of [...found].sort((one, other) => other.score - one.score)) {
    if (kept.length >= most) break;
    if (kept.every((better) => overlap(better, candidate) <= iou)) kept.push(candidate);
  }
  return kept;
}

/**
 * Boxes of one tile above a raw score whose peaks lie in its own part, moved to the board and clipped to it.
 * @throws Error when the maps do not have the form of the model contract, or hold what is no number
 */
export function boxesOf(outputs: Tensors, classes: number, floor: number, tile: Tile, board: { width: number; height: number }): Found[] {
  const { heat, ltrb } = outputs;
  if (!heat || !ltrb) throw new Error('the model answered without heat or ltrb');
  const [rows, columns] = [tile.height / STRIDE, tile.width / STRIDE];
  const cells = rows * columns;
  // Smaller maps leave a part of the tile unseen, and would call it good.
  const fits = ({ dims, data }: Tensors[string], channels: number) =>
    dims.join() === [1, channels, rows, columns].join() && data.length === channels * cells;
  if (!fits(heat, classes) || !fits(ltrb, 4))
    throw new Error(
      `the model answered heat [${heat.dims}] and ltrb [${ltrb.dims}] for ${classes} classes on a tile of ${tile.width} x ${tile.height}`,
    );
  const peaks: { at: number; score: number }[] = [];
  heat.data.forEach((score, at) => {
    // NaN is not "nothing found": a model that cannot answer must not lead to a pass.
    if (!(score >= 0 && score <= 1)) throw new Error(`the model answered a score of ${score}`);
    if (score < floor) return;
    const [x, y] = [tile.x + (at % columns) * STRIDE, tile.y + Math.floor((at % cells) / columns) * STRIDE];
    const { left, top, right, bottom } = tile.own;
    if (x >= left && x < right && y >= top && y < bottom) peaks.push({ at, score });
  });
  peaks.sort((one, other) => other.score - one.score);
  const within = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  return peaks.slice(0, MOST.tile).flatMap(({ at, score }) => {
    const cell = at % cells;
    const x = tile.x + ((cell % columns) + 0.5) * STRIDE;
    const y = tile.y + (Math.floor(cell / columns) + 0.5) * STRIDE;
    const distance = (side: number) => {
      const pixels = ltrb.data[side * cells + cell] as number;
      if (!Number.isFinite(pixels)) throw new Error(`the model answered a distance of ${pixels}`);
      return pixels;
    };
    const box: Found = {
      kind: Math.floor(at / cells),
      score,
      left: within(x - distance(0), board.width),
      top: within(y - distance(1), board.height),
      right: within(x + distance(2), board.width),
      bottom: within(y + distance(3), board.height),
    };
    return box.right > box.left && box.bottom > box.top ? [box] : [];
  });
}

const rounded = (value: number, digits: number) => Number(value.toFixed(digits));

/** Suppression over all tiles, calibration, floor; falling score. Pixels to a hundredth, scores to a millionth. */
export function candidatesOf(found: readonly Found[], manifest: Pick<Manifest, 'classes' | 'calibration' | 'nms_iou'>): Candidate[] {
  const candidates: Candidate[] = [];
  for (const box of suppress(found, manifest.nms_iou)) {
    const score = calibrated(box.score, manifest.calibration);
    if (!(score >= FLOOR)) break;
    const [x, y] = [rounded(box.left, 2), rounded(box.top, 2)];
    candidates.push({
      class: manifest.classes[box.kind] as Candidate['class'],
      score: rounded(score, 6),
      box: { x, y, width: rounded(box.right - x, 2), height: rounded(box.bottom - y, 2) },
    });
  }
  return candidates;
}
