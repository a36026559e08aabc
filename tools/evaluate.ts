import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { InferenceRun, Operation } from '../src/contracts/inference.ts';
import type { Inspection } from '../src/contracts/inspections.ts';
import { type Credentials, PlatformClient } from '../src/simulator/client.ts';
import { commandOptions, jsonOption } from './command-options.ts';
import { inspectPair } from './evaluation/front-door.ts';
import { figures, type Judged } from './evaluation/scoring.ts';
import { wholeOption } from './option-numbers.ts';

const { values } = commandOptions({
  options: {
    data: { type: 'string' },
    url: { type: 'string', default: 'http://localhost:8000' },
    credentials: { type: 'string', default: '.data/demo-credentials.json' },
    limit: { type: 'string' },
    model: { type: 'string' },
    version: { type: 'string' },
    detections: { type: 'string' },
    parallel: { type: 'string', default: '2' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || !values.data) {
  console.log(`usage: node tools/evaluate.ts --data FOLDER [options]

Judges a labelled folder (manifest.json: [{id, group, template, test, boxes: [{x1, y1, x2, y2, name}]}]) through the public API: every pair is an
inspection that a station posts. Ends with one JSON line; ap, f1, map*, escapes are fractions from 0 to 1.

  --url URL            the platform                            (http://localhost:8000)
  --credentials FILE   demo-credentials.json of the platform   (.data/demo-credentials.json)
  --limit N            N pairs, spread evenly over the folder
  --model NAME         judge with this model instead of the one in production
  --version N          judge with this version of it, or of the model in production
  --detections FILE    write every candidate box, one JSON object a line
  --parallel N         pairs in flight at once                 (2)`);
  process.exit(values.help ? 0 : 2);
}

interface Pair {
  id: string;
  group: string;
  template: string;
  test: string;
  boxes: { x1: number; y1: number; x2: number; y2: number; name: string }[];
}
/** DeepPCB's names for two of the classes. */
const CLASS_OF: Record<string, string> = { copper: 'spurious_copper', 'pin-hole': 'pin_hole' };

const limited = values.limit === undefined ? null : wholeOption('limit', values.limit);
const version = values.version === undefined ? null : wholeOption('version', values.version);
const parallel = wholeOption('parallel', values.parallel);
const folder = values.data;
const all = await jsonOption<Pair[]>('data', join(folder, 'manifest.json'));
const credentials = await jsonOption<Credentials>('credentials', values.credentials);
const station = credentials.clients.find((one) => one.station_id?.startsWith('AOI')) ?? credentials.clients.find((one) => one.station_id);
if (!station) throw new Error(`${values.credentials} holds no station client`);
const door = new PlatformClient({ url: values.url, tokenEndpoint: credentials.token_endpoint, client: station });
const limit = Math.min(all.length, limited ?? all.length);
const chosen = Array.from({ length: limit }, (_, index) => all[Math.floor((index * all.length) / limit)] as Pair);
const detections = values.detections ? createWriteStream(values.detections) : null;

/** A lot of its own for every run: an identifier the default pattern takes, from the time of the run. */
const stamp = Date.now();
const lot = `LOT-${String(1000 + (Math.floor(stamp / 1_000_000) % 9000))}-${String(Math.floor(stamp / 1000) % 1000).padStart(3, '0')}`;

async function runOf(inspection: Inspection): Promise<InferenceRun | undefined> {
  const named = { ...(values.model && { model: values.model }), ...(version !== null && { version }) };
  if (Object.keys(named).length === 0) return inspection.inference?.at(-1);
  const asked = await door.send<{ operation_id: string }>('POST', `/v1/inspections/${inspection.id}/infer`, named);
  for (let tries = 0; tries < 600; tries += 1) {
    const operation = await door.get<Operation>(`/v1/operations/${asked.operation_id}`);
    if (operation.status === 'failed') throw new Error(`the model failed: ${operation.error}`);
    if (operation.status === 'succeeded') break;
    await pause(100);
  }
  const judged = await door.get<Inspection>(`/v1/inspections/${inspection.id}?include=inference`);
  return judged.inference?.find((run) => run.operation_id === asked.operation_id);
}

const judged: Judged[] = [];
let thresholds: Record<string, number> = {};
let model: string | null = null;
let modelMillis = 0;
let next = 0;
let done = 0;
const began = performance.now();

async function worker(): Promise<void> {
  for (let at = next++; at < chosen.length; at = next++) {
    const pair = chosen[at] as Pair;
    const [reference, image] = await Promise.all([readFile(join(folder, pair.template)), readFile(join(folder, pair.test))]);
    const type = pair.test.endsWith('.png') ? 'image/png' : 'image/jpeg';
    const inspection = await inspectPair(door, { lot, chip: `EVAL-${stamp}-${pair.id}`, reference, image, type });
    const run = await runOf(inspection);
    if (!run) throw new Error(`pair ${pair.id}: ${inspection.status}, ${inspection.reason}; no model run is on record`);
    thresholds = run.thresholds;
    model = `${run.model}/${run.version}`;
    modelMillis += run.timings_ms.total ?? 0;
    judged.push({
      group: pair.group,
      labels: pair.boxes.map((box) => ({
        class: CLASS_OF[box.name] ?? box.name,
        box: { x: box.x1, y: box.y1, width: box.x2 - box.x1, height: box.y2 - box.y1 },
      })),
      found: run.candidates,
    });
    if (detections) {
      if (run.candidates.length === 0) detections.write(`${JSON.stringify({ id: pair.id, class: null })}\n`);
      for (const { class: name, box, score } of run.candidates)
        detections.write(`${JSON.stringify({ id: pair.id, class: name, box, score })}\n`);
    }
    done += 1;
    if (done % 25 === 0 || done === chosen.length) process.stderr.write(`\r${done} of ${chosen.length} pairs`);
  }
}
await Promise.all(Array.from({ length: parallel }, worker));
process.stderr.write('\n');
const elapsed = performance.now() - began;
if (detections) {
  detections.end();
  await finished(detections);
}

const names = [...new Set(judged.map((pair) => pair.group))].sort();
const groups = Object.fromEntries(
  names.map((name) => [
    name,
    figures(
      judged.filter((pair) => pair.group === name),
      thresholds,
    ),
  ]),
);
for (const [name, of] of Object.entries(groups))
  console.log(
    `${name.padEnd(14)} ${String(of.pairs).padStart(5)} pairs   AP ${of.ap.toFixed(3)}   F ${of.f1.toFixed(3)}   escapes ${(100 * of.escapes).toFixed(2)} %   false calls a picture ${of.false_calls_per_picture.toFixed(3)}`,
  );
console.log(
  `model time ${(modelMillis / Math.max(1, judged.length)).toFixed(1)} ms a pair, decoding included; ${parallel} pairs in flight`,
);
console.log(JSON.stringify({ ...figures(judged, thresholds), ms_per_pair: elapsed / Math.max(1, judged.length), model, groups }));
