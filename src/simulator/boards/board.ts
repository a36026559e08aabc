import type { BoardClass } from '../../contracts/defects.ts';
import { BOARD_CLASSES } from '../../contracts/defects.ts';
import type { Defect } from './defects.ts';
import { placeDefect } from './defects.ts';
import type { Imaging } from './imaging.ts';
import { drawImaging, drawTemplateImaging, takePicture } from './imaging.ts';
import type { LayoutStyle } from './layout.ts';
import { drawLayout, drawStyle } from './layout.ts';
import { surveyOf } from './proposals.ts';
import { Random } from './random.ts';
import type { Raster } from './raster.ts';
import { copyRaster } from './raster.ts';

/** Part of every written data set's record: a change of it means the same seed gives other pictures. */
export const generatorVersion = '3';

/** A product's board: `drawn` is the artwork, `golden` the scanned reference that inspections are compared with. */
export interface Template {
  readonly seed: number;
  readonly size: number;
  readonly style: LayoutStyle;
  readonly drawn: Raster;
  readonly golden: Raster;
}

export interface InspectOptions {
  readonly seed: number;
  /** How many defects of drawn classes, or which classes. 0 or an empty list is a good board. */
  readonly defects: number | readonly BoardClass[];
  /** Drawn from the seed when left out. */
  readonly imaging?: Imaging;
}

/**
 * One inspected board. `picture` holds the defects, `good` is the same picture without them; `defects` may be fewer
 * than asked for when the picture had no room (a blank corner of a board cannot hold ten shorts).
 */
export interface InspectedBoard {
  readonly picture: Raster;
  readonly good: Raster;
  readonly defects: readonly Defect[];
  readonly imaging: Imaging;
}

/** Draws the board `seed`, `size` x `size` px (about 48 px a millimetre). */
export function makeTemplate(seed: number, size = 640, style?: LayoutStyle): Template {
  const random = new Random(seed);
  const drawnStyle = drawStyle(random);
  const kind = style ?? drawnStyle;
  const drawn = drawLayout(random.fork(1), size, kind);
  const golden = takePicture(drawn, drawTemplateImaging(random.fork(2)), random.fork(3));
  return { seed, size, style: kind, drawn, golden };
}

/** How often each class is drawn when only a number is asked for: DeepPCB's shares. */
const shares: Readonly<Record<BoardClass, number>> = { open: 19, short: 15, mousebite: 20, spur: 17, spurious_copper: 15, pin_hole: 15 };

/** 1..15, median 7, as in DeepPCB. */
export function drawDefectCount(random: Random): number {
  return Math.round(random.around(7.3, 0.38, 1, 15));
}

/**
 * Takes the picture of one more board of this template and puts the asked defects on it. Each is proven on the final
 * picture: pieces of copper split or joined, a hole enclosed, an edge moved without either.
 */
export function inspectBoard(template: Template, options: InspectOptions): InspectedBoard {
  const random = new Random(options.seed).fork(template.seed % 2097152);
  const imaging = options.imaging ?? drawImaging(random.fork(1));
  const good = takePicture(template.drawn, imaging, random.fork(2));
  const wanted =
    typeof options.defects === 'number' ? Array.from({ length: options.defects }, () => random.weighted(shares)) : [...options.defects];
  if (wanted.length === 0) return { picture: copyRaster(good), good, defects: [], imaging };
  const bench = { good, picture: copyRaster(good), survey: surveyOf(good), placed: [] as Defect[] };
  const counted = typeof options.defects === 'number';
  for (const name of wanted) {
    const defect = placeDefect(bench, random, name);
    if (defect === undefined && counted) placeDefect(bench, random, random.pick(BOARD_CLASSES));
  }
  return { picture: bench.picture, good, defects: bench.placed, imaging };
}
