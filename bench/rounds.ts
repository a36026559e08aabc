import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { countRows, Incorrect, judgeRows } from './exact-check.ts';
import type { Load } from './load/generator.ts';
import { BATCH_ITEMS, type Form } from './load/request.ts';
import { machineUse, treeCpu, treeUse } from './process-tree.ts';
import type { BenchDatabase } from './sides/postgres.ts';
import { OTHER_CORE, pin, type Side } from './sides/side.ts';
import { median } from './stats.ts';

const GENERATOR = fileURLToPath(new URL('load/generator.ts', import.meta.url));

/** One run against one server. */
export interface Run {
  requests_s: number;
  p50: number;
  p95: number;
  p99: number;
  /** Processor time of the server's process tree (us a request). */
  cpu_us: number;
  /** Of PostgreSQL (us a request). */
  postgres_cpu_us: number;
  generator_cpu_us: number;
  /** Proportional resident memory of the server's process tree at the end of the run (MiB). */
  memory_mib: number;
  /** Share of its core that the server used: near 1 it was the limit of the run. */
  utilisation: number;
  /** Share of the machine that processes other than the bench's own took, and what the host took away. */
  strangers: number;
}
/** Medians of several runs. */
export type Row = Run & {
  /** Of all runs: what came closest to a quiet machine. */
  cpu_us_least: number;
  runs: number;
  noisy: number;
};

interface Edge {
  server: number;
  postgres: number;
  own: number;
  machine: { busyMicros: number; stolenMicros: number };
  at: number;
}

function edge(pid: number): Edge {
  const mine = treeCpu(process.pid);
  return {
    server: treeCpu(pid).program,
    postgres: mine.postgres,
    own: mine.program + mine.postgres,
    machine: machineUse(),
    at: performance.now(),
  };
}

export interface LoadOptions {
  seconds: number;
  warmup: number;
  connections: number;
  form?: Form;
  cores: number;
}

/** One run of the generator; processor time is read at the edges of the counted part, rows are counted around all of it. @throws Incorrect */
export async function runOnce(side: Side, database: BenchDatabase, options: LoadOptions): Promise<Run> {
  await database.checkpoint();
  const before = await countRows(side, database);
  const { load, first, last } = await generate(side, options);
  const status = options.form === undefined || options.form === 'create' ? '201' : '200';
  const unexpected = Object.keys(load.total).filter((one) => one !== status);
  if (unexpected.length > 0 || load.errors > 0 || load.requests === 0)
    throw new Incorrect(`${side.name}: answers ${JSON.stringify(load.total)}, ${load.errors} broken connections`);
  if (status === '201') judgeRows(side, before, await countRows(side, database), load.total[status] ?? 0);
  const a = (of: (edge: Edge) => number) => (of(last) - of(first)) / load.requests;
  const micros = (last.at - first.at) * 1000;
  const own = last.own - first.own;
  const taken = last.machine.busyMicros - first.machine.busyMicros - own + last.machine.stolenMicros - first.machine.stolenMicros;
  return {
    requests_s: (load.requests * (status === '201' ? 1 : BATCH_ITEMS)) / load.seconds,
    p50: load.p50,
    p95: load.p95,
    p99: load.p99,
    cpu_us: a((one) => one.server),
    postgres_cpu_us: a((one) => one.postgres),
    generator_cpu_us: load.generator_us,
    memory_mib: treeUse(side.pid).program.memoryBytes / 2 ** 20,
    utilisation: (last.server - first.server) / micros,
    strangers: Math.max(0, taken / (micros * options.cores)),
  };
}

function generate(side: Side, options: LoadOptions): Promise<{ load: Load; first: Edge; last: Edge }> {
  const { seconds, warmup, connections, form = 'create' } = options;
  const given = { port: side.port, form, connections, seconds, warmup };
  const child = fork(
    GENERATOR,
    Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)]),
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  pin(child.pid ?? 0, OTHER_CORE);
  child.send([...side.tokens.good]);
  return new Promise((resolve, reject) => {
    let first: Edge | undefined;
    let last: Edge | undefined;
    const late = setTimeout(() => child.kill('SIGKILL'), (seconds + warmup + 60) * 1000);
    child.on('message', (word: 'counting' | 'counted' | Load) => {
      if (word === 'counting') first = edge(side.pid);
      else if (word === 'counted') last = edge(side.pid);
      else if (first && last) resolve({ load: word, first, last });
    });
    child.on('exit', (code) => {
      clearTimeout(late);
      reject(new Error(`${side.name}: the generator ended with ${code} and without figures`));
    });
  });
}

const FIGURES = [
  'requests_s',
  'p50',
  'p95',
  'p99',
  'cpu_us',
  'postgres_cpu_us',
  'generator_cpu_us',
  'memory_mib',
  'utilisation',
  'strangers',
] as const satisfies readonly (keyof Run)[];

/** Medians of each figure. */
export function summarise(runs: readonly Run[], noisyAbove: number): Row {
  const figures = Object.fromEntries(FIGURES.map((figure) => [figure, median(runs.map((run) => run[figure]))])) as unknown as Run;
  return {
    ...figures,
    cpu_us_least: Math.min(...runs.map(({ cpu_us }) => cpu_us)),
    runs: runs.length,
    noisy: runs.filter(({ strangers }) => strangers > noisyAbove).length,
  };
}
