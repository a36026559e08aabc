import { writeFile } from 'node:fs/promises';
import { cpus, totalmem, version } from 'node:os';
import { parseArgs } from 'node:util';
import { startPlatform } from '../test/support/platform.ts';
import { measureBoards } from './boards.ts';
import { type CreateRow, measureCreate } from './create.ts';
import { measureMemory } from './memory.ts';

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`usage: npm run bench -- [--short] [--only create|boards|memory] [--json FILE]

Measures in one run, on this machine: POST /v1/inspections beside the same route without a database, a bare Fastify and bare Node http
(rounds in mirrored order, medians); milliseconds from posting a board to its verdict; memory of the process tree while the demo line runs.
Absolute figures move with the neighbours of a shared machine: quote the ratios.`);
  process.exit(0);
}

const wanted = (name: string): boolean => values.only === undefined || values.only === name;
const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memory_gib: Math.round(totalmem() / 2 ** 30),
  system: version(),
  node: process.version,
  date: new Date().toISOString(),
};
console.log(`${machine.cores} x ${machine.cpu}, ${machine.memory_gib} GiB, Node ${machine.node}\n`);

const out: Record<string, unknown> = { machine };
if (wanted('create')) {
  const platform = await startPlatform(null, { environment: { LOG_LEVEL: 'info', TOKEN_LIFETIME: '1h' } });
  const create = await measureCreate(platform, values.short ? { rounds: 2, seconds: 4 } : { rounds: 5, seconds: 6 }).finally(() =>
    platform.stop(),
  );
  const ours = create.ours as CreateRow;
  const over = (name: string) => Number(((create[name]?.cpu_us ?? 0) / ours.cpu_us).toFixed(3));
  console.log('POST /v1/inspections, 64 connections, server on one core, generator and PostgreSQL on the other');
  console.log('| server | requests/s | P50 ms | P95 ms | P99 ms | server CPU us a request | PostgreSQL CPU us | CPU over ours |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const [name, row] of Object.entries(create))
    console.log(
      `| ${name} | ${row.requests_s.toFixed(0)} | ${row.p50.toFixed(1)} | ${row.p95.toFixed(1)} | ${row.p99.toFixed(1)} | ${row.cpu_us.toFixed(0)} | ${row.postgres_cpu_us.toFixed(0)} | ${over(name)} |`,
    );
  console.log('left out: the FastAPI and asyncpg peers (not in this version)\n');
  out.create = create;
  out.ratios = { create_vs_control: over('control'), create_vs_fastify_bare: over('fastify_bare'), create_vs_http: over('node_http') };
}
if (wanted('boards')) {
  const platform = await startPlatform(null);
  const boards = await measureBoards(platform, values.short ? 30 : 100).finally(() => platform.stop());
  console.log(
    `a board of 640 x 640 from post to verdict, one at a time: P50 ${boards.p50.toFixed(0)} ms, P95 ${boards.p95.toFixed(0)} ms; of these in the model thread ${boards.model_ms.toFixed(0)} ms (decoding included)\n`,
  );
  out.boards = boards;
}
if (wanted('memory')) {
  const platform = await startPlatform(null, { demo: true });
  const memory = await measureMemory(platform, values.short ? 45 : 120).finally(() => platform.stop());
  console.log(
    `process tree while the demo line runs, peak: program ${memory.program_mib} MiB, PostgreSQL ${memory.postgres_mib} MiB; the program takes ${memory.cpu_percent} % of one core\n`,
  );
  out.memory = memory;
}
if (values.json) await writeFile(values.json, `${JSON.stringify(out, null, 2)}\n`);
process.exit(0);
