import sharp from 'sharp';
import { calibrated, type Found } from './detections.ts';
import type { Manifest } from './models/manifest.ts';

/** Pixels of the board that one pixel of the map stands for, each way. */
export const HEAT_SCALE = 8;
/** Least calibrated score that is drawn: below it a bell would not be seen. */
export const HEAT_FLOOR = 0.01;

/**
 * Calibrated score over the board, 0..1, a cell for each 8 x 8 pixels. The model answers peaks alone (what is not the highest of its surroundings is
 * zero), so each is drawn as a bell whose deviation is a quarter of its box; where bells meet the higher counts, whatever its class.
 */
export function heatOf(
  found: readonly Found[],
  board: { width: number; height: number },
  calibration: Manifest['calibration'],
): { width: number; height: number; cells: Float32Array } {
  const [width, height] = [Math.ceil(board.width / HEAT_SCALE), Math.ceil(board.height / HEAT_SCALE)];
  const cells = new Float32Array(width * height);
  for (const { score, left, top, right, bottom } of found) {
    const peak = calibrated(score, calibration);
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const [sigmaX, sigmaY] = [Math.max(right - left, HEAT_SCALE) / 4, Math.max(bottom - top, HEAT_SCALE) / 4];
    const first = (middle: number, sigma: number) => Math.max(0, Math.floor((middle - 3 * sigma) / HEAT_SCALE));
    const last = (middle: number, sigma: number, most: number) => Math.min(most - 1, Math.floor((middle + 3 * sigma) / HEAT_SCALE));
    for (let row = first(y, sigmaY); row <= last(y, sigmaY, height); row += 1)
      for (let column = first(x, sigmaX); column <= last(x, sigmaX, width); column += 1) {
        const [dx, dy] = [((column + 0.5) * HEAT_SCALE - x) / sigmaX, ((row + 0.5) * HEAT_SCALE - y) / sigmaY];
        const value = peak * Math.exp(-(dx * dx + dy * dy) / 2);
        const at = row * width + column;
        if (value > (cells[at] as number)) cells[at] = value;
      }
  }
  return { width, height, cells };
}

/** The map as a grey PNG: 0 black, 1 white. */
export async function heatPng(heat: ReturnType<typeof heatOf>): Promise<Buffer> {
  const pixels = Uint8Array.from(heat.cells, (value) => Math.round(255 * value));
  return await sharp(pixels, { raw: { width: heat.width, height: heat.height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
}
