/** Counts the calls on good boards: templates judged against themselves, with noise at the edges, and with noise and a shift; see --help. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeTemplate } from '../src/simulator/boards/board.ts';
import { decodePng, encodePng } from '../src/simulator/boards/png.ts';
import type { Raster } from '../src/simulator/boards/raster.ts';
import { commandOptions, jsonOption } from './command-options.ts';
import { NOISES, type Noise, shifted, withEdgeNoise } from './evaluation/edge-noise.ts';
import { openLooker } from './evaluation/looker.ts';
import { wholeOption } from './option-numbers.ts';

const { values } = commandOptions({
  options: {
    data: { type: 'string' },
    simulated: { type: 'string' },
    limit: { type: 'string' },
    noise: { type: 'string' },
    shift: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    models: { type: 'string', default: fileURLToPath(new URL('../models', import.meta.url)) },
    threads: { type: 'string', default: '2' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || (values.data === undefined) === (values.simulated === undefined)) {
  console.log(`usage: node tools/good-boards.ts --data FOLDER | --simulated N [options]

Judges golden templates against themselves, as the platform would (decode, align, tile, model, threshold), and counts what is called: every call is a
false one. Two noises of one pixel at the edges: grain turns 30 % of the pixels beside an edge, ripple moves an edge in or out over patches of 8 px.
Ends with one JSON line: {templates, noise: {grain, ripple}, noise_and_shift: {grain, ripple}}, each {calls_per_picture, pictures_with_a_call}.

  --data FOLDER    a labelled folder (manifest.json); its templates are judged, its inspected pictures are not
  --simulated N    N boards of the simulator
  --limit N        N templates, spread evenly over the folder
  --noise NAME     one of the two alone
  --shift PX       how far the shifted pictures lie, in one of eight directions   (2)
  --seed S         of noise, directions and simulated boards                     (1)
  --models FOLDER  the model repository                                          (models)
  --threads N      (2)`);
  process.exit(values.help ? 0 : 2);
}

const noises = NOISES.filter((noise) => values.noise === undefined || values.noise === noise);
const seed = wholeOption('seed', values.seed, 0);
const px = wholeOption('shift', values.shift, 0);
const threads = wholeOption('threads', values.threads);
const limit = values.limit === undefined ? Number.POSITIVE_INFINITY : wholeOption('limit', values.limit);
const simulated = values.simulated === undefined ? 0 : wholeOption('simulated', values.simulated);
const looker = await openLooker(values.models, threads);

async function templates(): Promise<{ count: number; read: (index: number) => Promise<Raster> }> {
  const folder = values.data;
  if (folder === undefined) return { count: simulated, read: async (index) => makeTemplate(seed * 10_000_000 + index).golden };
  const all = await jsonOption<{ template: string }[]>('data', join(folder, 'manifest.json'));
  const count = Math.min(all.length, limit);
  const chosen = Array.from({ length: count }, (_, index) => all[Math.floor((index * all.length) / count)] as { template: string });
  return { count, read: async (index) => await decodePng(await readFile(join(folder, chosen[index]?.template ?? ''))) };
}

const DIRECTIONS = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [dx, dy] as const)).filter(([dx, dy]) => dx !== 0 || dy !== 0);
const { count, read } = await templates();
const found: Record<'noise' | 'noise_and_shift', Record<Noise, number[]>> = {
  noise: { grain: [], ripple: [] },
  noise_and_shift: { grain: [], ripple: [] },
};
let next = 0;
let done = 0;
async function worker(): Promise<void> {
  for (let index = next++; index < count; index = next++) {
    const template = await read(index);
    const reference = new Uint8Array(encodePng(template));
    for (const noise of noises) {
      const noisy = withEdgeNoise(template, noise, seed * 1_000_000 + index);
      const [dx, dy] = DIRECTIONS[index % DIRECTIONS.length] as readonly [number, number];
      for (const [kind, picture] of [
        ['noise', noisy],
        ['noise_and_shift', shifted(noisy, dx * px, dy * px)],
      ] as const) {
        const { candidates } = await looker.look(new Uint8Array(encodePng(picture)), reference);
        found[kind][noise].push(looker.calls(candidates).length);
      }
    }
    done += 1;
    if (done % 10 === 0 || done === count) process.stderr.write(`\r${done} of ${count} templates`);
  }
}
await Promise.all(Array.from({ length: threads }, worker));
process.stderr.write('\n');
await looker.close();

const told = (calls: readonly number[]) => ({
  calls_per_picture: Number((calls.reduce((sum, one) => sum + one, 0) / Math.max(1, calls.length)).toFixed(4)),
  pictures_with_a_call: calls.filter((one) => one > 0).length,
});
const ofKind = (kind: keyof typeof found) => Object.fromEntries(noises.map((noise) => [noise, told(found[kind][noise])]));
console.log(JSON.stringify({ templates: count, noise: ofKind('noise'), noise_and_shift: ofKind('noise_and_shift') }));
