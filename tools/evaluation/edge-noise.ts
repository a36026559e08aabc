import { Random } from '../../src/simulator/boards/random.ts';
import { makeRaster, type Raster } from '../../src/simulator/boards/raster.ts';

/** What a camera does to a good board: `grain` moves single pixels of an edge, `ripple` stretches of it, both by one pixel at most. */
export const NOISES = ['grain', 'ripple'] as const;
export type Noise = (typeof NOISES)[number];

/** Share of the pixels beside an edge that `grain` turns. */
const GRAIN = 0.3;
/** Side of the patches, in pixels, over which `ripple` moves an edge one way; of three patches one grows, one shrinks, one stays. */
const PATCH = 8;

/** The picture of a good board: its template with noise of one pixel at the edges. Same seed, same picture. */
export function withEdgeNoise({ width, height, bits }: Raster, noise: Noise, seed: number): Raster {
  const random = new Random(seed);
  const out = makeRaster(width, height);
  const columns = Math.ceil(width / PATCH) + 1;
  const moods = Int8Array.from({ length: columns * (Math.ceil(height / PATCH) + 1) }, () => random.int(-1, 1));
  // The grid of patches lies elsewhere on each picture, so that it never falls in with the grid of the board.
  const [left, top] = [random.int(0, PATCH - 1), random.int(0, PATCH - 1)];
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const at = y * width + x;
      const own = bits[at] as number;
      const beside =
        (x > 0 && bits[at - 1] !== own) ||
        (x + 1 < width && bits[at + 1] !== own) ||
        (y > 0 && bits[at - width] !== own) ||
        (y + 1 < height && bits[at + width] !== own);
      let turned = false;
      if (beside && noise === 'grain') turned = random.chance(GRAIN);
      else if (beside) {
        const mood = moods[Math.floor((y + top) / PATCH) * columns + Math.floor((x + left) / PATCH)];
        turned = mood === (own === 1 ? -1 : 1);
      }
      out.bits[at] = turned ? 1 - own : own;
    }
  return out;
}

/** The picture of a board that lies `dx` to the right and `dy` down; what comes in at the border repeats it. */
export function shifted({ width, height, bits }: Raster, dx: number, dy: number): Raster {
  const out = makeRaster(width, height);
  const within = (value: number, most: number) => Math.min(Math.max(value, 0), most - 1);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) out.bits[y * width + x] = bits[within(y - dy, height) * width + within(x - dx, width)] as number;
  return out;
}
