/** Writes a labelled folder of simulated board pairs for training and evaluation; see --help. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { BoardClass } from '../src/contracts/defects.ts';
import type { Template } from '../src/simulator/boards/board.ts';
import { drawDefectCount, generatorVersion, inspectBoard, makeTemplate } from '../src/simulator/boards/board.ts';
import { encodePng } from '../src/simulator/boards/png.ts';
import { Random } from '../src/simulator/boards/random.ts';
import { commandOptions } from './command-options.ts';
import { amountOption, wholeOption } from './option-numbers.ts';

const help = `Writes pairs of simulated boards (golden template, inspected picture, boxes) in the format of the DeepPCB folder.

  node tools/make-boards.ts --out FOLDER --pairs N --seed S

  --out FOLDER             gets manifest.json, dataset.json (the recipe), images/<id>_temp.png, images/<id>_test.png
  --pairs N                how many pairs (default 100)
  --seed S                 same seed, same files, whatever the number of workers (default 1)
  --good-fraction F        share of pairs without a defect (default 0.1)
  --size PX                side of the picture (default 640)
  --pairs-per-template K   inspected boards of each template (default 1)
  --workers W              threads (default 2)
`;

interface Job {
  readonly out: string;
  readonly pairs: number;
  readonly seed: number;
  readonly goodFraction: number;
  readonly size: number;
  readonly perTemplate: number;
  readonly workers: number;
}

const numbers: Readonly<Record<BoardClass, number>> = { open: 1, short: 2, mousebite: 3, spur: 4, spurious_copper: 5, pin_hole: 6 };
const names: Readonly<Record<BoardClass, string>> = {
  open: 'open',
  short: 'short',
  mousebite: 'mousebite',
  spur: 'spur',
  spurious_copper: 'copper',
  pin_hole: 'pin-hole',
};

/** Seeds of neighbouring jobs must not meet: each run owns ten million of them. */
const seedSpan = 10_000_000;

function writePair(job: Job, index: number, template: Template): object {
  const seed = job.seed * seedSpan + index;
  const random = new Random(-seed - 1);
  const count = random.chance(job.goodFraction) ? 0 : drawDefectCount(random);
  const board = inspectBoard(template, { seed, defects: count });
  const id = String(index).padStart(6, '0');
  const files = { template: `images/${id}_temp.png`, test: `images/${id}_test.png` };
  writeFileSync(join(job.out, files.template), encodePng(template.golden));
  writeFileSync(join(job.out, files.test), encodePng(board.picture));
  const boxes = board.defects.map(({ class: name, box }) => ({
    x1: box.x1,
    y1: box.y1,
    x2: box.x2,
    y2: box.y2,
    cls: numbers[name],
    name: names[name],
  }));
  return { id, group: `${template.style}-${template.seed}`, width: job.size, height: job.size, ...files, boxes };
}

function work(job: Job, part: number): void {
  const templates = Math.ceil(job.pairs / job.perTemplate);
  for (let t = part; t < templates; t += job.workers) {
    const template = makeTemplate(job.seed * seedSpan + t, job.size);
    const records: object[] = [];
    for (let index = t * job.perTemplate; index < Math.min(job.pairs, (t + 1) * job.perTemplate); index++)
      records.push(writePair(job, index, template));
    parentPort?.postMessage(records);
  }
}

async function main(): Promise<void> {
  const { values } = commandOptions({
    options: {
      out: { type: 'string' },
      pairs: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      'good-fraction': { type: 'string', default: '0.1' },
      size: { type: 'string', default: '640' },
      'pairs-per-template': { type: 'string', default: '1' },
      workers: { type: 'string', default: '2' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || values.out === undefined) {
    process.stdout.write(help);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const job: Job = {
    out: values.out,
    pairs: wholeOption('pairs', values.pairs),
    seed: wholeOption('seed', values.seed, 0),
    goodFraction: amountOption('good-fraction', values['good-fraction'], { least: 0, most: 1 }),
    size: wholeOption('size', values.size),
    perTemplate: wholeOption('pairs-per-template', values['pairs-per-template']),
    workers: wholeOption('workers', values.workers),
  };
  mkdirSync(join(job.out, 'images'), { recursive: true });
  const began = performance.now();
  const records: { id: string }[] = [];
  await Promise.all(
    Array.from(
      { length: job.workers },
      (_, part) =>
        new Promise<void>((done, failed) => {
          const worker = new Worker(new URL(import.meta.url), { workerData: { job, part } });
          worker.on('message', (found: { id: string }[]) => {
            const before = records.length;
            records.push(...found);
            if (Math.floor(before / 250) !== Math.floor(records.length / 250))
              process.stdout.write(`${records.length} of ${job.pairs} pairs\n`);
          });
          worker.on('error', failed);
          worker.on('exit', (code) => (code === 0 ? done() : failed(new Error(`worker left with ${code}`))));
        }),
    ),
  );
  records.sort((a, b) => (a.id < b.id ? -1 : 1));
  writeFileSync(join(job.out, 'manifest.json'), JSON.stringify(records));
  const { out: _, workers: __, ...recipe } = job;
  writeFileSync(join(job.out, 'dataset.json'), `${JSON.stringify({ generator: generatorVersion, ...recipe }, null, 2)}\n`);
  const took = performance.now() - began;
  process.stdout.write(
    `${records.length} pairs in ${(took / 1000).toFixed(1)} s (${((took * job.workers) / records.length).toFixed(0)} ms a pair and thread), generator ${generatorVersion}\n`,
  );
}

if (isMainThread) await main();
else {
  const { job, part } = workerData as { job: Job; part: number };
  work(job, part);
}
