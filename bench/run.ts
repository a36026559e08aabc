import { writeFile } from 'node:fs/promises';
import { cpus, totalmem, version } from 'node:os';
import { startPlatform } from '../test/support/platform.ts';
import { commandOptions } from '../tools/command-options.ts';
import { type BatchResult, batchLines, measureBatch } from './batch.ts';
import { measureBoards } from './boards.ts';
import { type CreateSize, measureCreate } from './create.ts';
import { goalLines, ratiosOf } from './goals.ts';
import { type Ground, onGround } from './ground.ts';
import { inferenceLines, measureInference } from './inference.ts';
import { type LatencySize, latencyLines, measureLatency } from './latency.ts';
import { measureMemory } from './memory.ts';
import { findPython } from './peers/python-home.ts';
import { startOurs } from './sides/ours.ts';
import { PEER_NAMES, startPeer } from './sides/peers.ts';
import { startPlain } from './sides/plain.ts';
import { rounded } from './stats.ts';
import { createLines, explain } from './table.ts';

const SECTIONS = ['create', 'batch', 'latency', 'boards', 'inference', 'memory'];
const PLAIN = ['control', 'fastify_bare', 'node_http'];
const { values } = commandOptions({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    sides: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`usage: npm run bench -- [--short] [--only ${SECTIONS.join('|')}] [--sides NAME,...] [--json FILE]

Measures in one run, on this machine (bench/README.md says how, and how to read it):
  create   POST /v1/inspections beside the same route without a database, a bare Fastify, bare Node http, and FastAPI and asyncpg services with and
           without equal duties; processor time a request, rounds in mirrored order, every row counted
  batch    inspections a second by batches of 1,000 over single creates
  latency  834 requests a second, open loop, over many connections, ours beside the control; and a burst within one second
  boards   milliseconds from posting a board to its verdict
  inference  a pair of pictures in the model's threads: latency, throughput, event loop gap, cores for 62 pairs a second
  memory   of the process tree while the demo line runs

  --short        ends within 8 minutes after set-up
  --sides NAME   of create: ours and these alone (${[...PLAIN, ...PEER_NAMES].join(', ')})
  --json FILE    writes the figures

Absolute figures move with the neighbours of a shared machine: quote the ratios.`);
  process.exit(0);
}
if (values.only !== undefined && !SECTIONS.includes(values.only)) {
  console.error(`--only ${values.only}: known are ${SECTIONS.join(', ')}`);
  process.exit(2);
}
const KNOWN = ['ours', ...PLAIN, ...PEER_NAMES];
const unknown = values.sides?.split(',').filter((name) => !KNOWN.includes(name)) ?? [];
if (unknown.length > 0) {
  console.error(`--sides ${unknown.join(',')}: known are ${KNOWN.join(', ')}`);
  process.exit(2);
}

const wanted = (name: string): boolean => values.only === undefined || values.only === name;
const say = (text: string): void => console.error(text);
const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memory_gib: Math.round(totalmem() / 2 ** 30),
  system: version(),
  node: process.version,
  python: null as string | null,
  postgres: null as string | null,
  date: new Date().toISOString(),
};
const out = { machine, ratios: {} as Record<string, number> } as Record<string, unknown> & { ratios: Record<string, number> };
console.log(`${machine.cores} x ${machine.cpu}, ${machine.memory_gib} GiB, Node ${machine.node}\n`);

/** Ours, the control and the bare ones, and the peers where there is a Python; ours and the control stay for the sections after. */
async function create({ add, database, folder, sides }: Ground): Promise<void> {
  const takes = (name: string) => values.sides === undefined || values.sides.split(',').includes(name);
  const python = findPython(say);
  if ('program' in python) machine.python = python.description;
  const began = performance.now();
  if ('program' in python) {
    const peers = PEER_NAMES.filter(takes).map((name) => startPeer(name, python, database, folder));
    for (const started of await Promise.allSettled(peers)) {
      if (started.status === 'fulfilled') add(started.value);
      else say(`left out: ${started.reason}`);
    }
  }
  const size: CreateSize = values.short
    ? { began, rounds: 2, roundsWithoutDuties: 1, seconds: 2.5, warmup: 0.7, posts: 1000, repeatUntil: 100, beginUntil: 200 }
    : { began, rounds: 5, roundsWithoutDuties: 2, seconds: 6, warmup: 2, posts: 2000, repeatUntil: 1500, beginUntil: 2400 };
  const result = await measureCreate(
    sides.filter(({ name }) => name === 'ours' || takes(name)),
    database,
    size,
    say,
  );
  out.create = result.rows;
  Object.assign(out.ratios, ratiosOf(result));
  console.log('POST /v1/inspections, 64 connections; a server on core 0; PostgreSQL and the generator on core 1\n');
  for (const lines of [createLines(result), goalLines(out.ratios), explain(result)]) console.log(`${lines.join('\n')}\n`);
  console.log(`PostgreSQL ${machine.postgres}, fsync and synchronous_commit on, for all`);
  console.log('program' in python ? `the peers: ${python.description}` : `left out: the FastAPI and asyncpg peers: ${python.lacks}`);
  for (const name of sides.map((side) => side.name))
    if (takes(name) && !(name in result.rows)) console.log(`left out: ${name}: its check failed`);
  console.log(
    `rounds: ${result.rounds}; runs that were done again because others took the machine: ${result.repeated}; kept and noisy: ${result.noisy}\n`,
  );
}

async function onOneGround(ground: Ground): Promise<void> {
  const { add, database, folder } = ground;
  machine.postgres = database.version;
  const ours = add(await startOurs(database, folder));
  for (const kind of wanted('create') ? PLAIN : ['control']) add(await startPlain(kind, ours, folder));
  const control = ground.sides.find(({ name }) => name === 'control');
  if (wanted('create')) await create(ground);
  if (wanted('batch')) {
    const batch: BatchResult = await measureBatch(ours, database, values.short ? { rounds: 1, seconds: 3 } : { rounds: 3, seconds: 6 });
    out.batch = batch.forms;
    for (const [name, ratio] of Object.entries(batch.ratios)) out.ratios[name] = rounded(ratio);
    console.log(`${batchLines(batch).join('\n')}\n`);
  }
  if (wanted('latency') && control !== undefined) {
    const size: LatencySize = values.short
      ? { rate: 834, connections: 2000, seconds: 10, burst: 2000 }
      : { rate: 834, connections: 10_000, seconds: 60, burst: 10_000 };
    const latency = await measureLatency(ours, control, size, folder, values.short ? 1 : 3);
    out.latency = { ...size, ...latency };
    console.log(`${latencyLines(latency, size).join('\n')}\n`);
  }
}

if (['create', 'batch', 'latency'].some(wanted)) {
  if (process.platform === 'linux') await onGround(onOneGround);
  else console.log(`left out: create, batch and latency read /proc, which ${process.platform} does not have`);
}
if (wanted('boards')) {
  const platform = await startPlatform(null);
  const boards = await measureBoards(platform, values.short ? 20 : 100).finally(() => platform.stop());
  console.log(
    `a board of 640 x 640 from post to verdict, one at a time: P50 ${boards.p50.toFixed(0)} ms, P95 ${boards.p95.toFixed(0)} ms; of these in the model thread ${boards.model_ms.toFixed(0)} ms (decoding included)\n`,
  );
  out.boards = boards;
}
if (wanted('inference')) {
  const inference = await measureInference(values.short ? { runs: 60, pairs: 60 } : { runs: 300, pairs: 300 });
  console.log(`${inferenceLines(inference).join('\n')}\n`);
  out.inference = inference;
}
if (wanted('memory')) {
  const platform = await startPlatform(null, { demo: true });
  const memory = await measureMemory(platform, values.short ? 30 : 120).finally(() => platform.stop());
  console.log(
    `process tree while the demo line runs, peak: program ${memory.program_mib} MiB, PostgreSQL ${memory.postgres_mib} MiB; the program takes ${memory.cpu_percent} % of one core\n`,
  );
  out.memory = memory;
}
if (values.json) await writeFile(values.json, `${JSON.stringify(out, null, 2)}\n`);
process.exit(0);
