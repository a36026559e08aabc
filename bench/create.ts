import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { freePort, type RunningPlatform } from '../test/support/platform.ts';
import { familyOf, treeUse } from './process-tree.ts';

export interface CreateRow {
  requests_s: number;
  p50: number;
  p95: number;
  p99: number;
  /** Processor time of the server's process tree, PostgreSQL apart. */
  cpu_us: number;
  postgres_cpu_us: number;
}
interface Load {
  requests: number;
  errors: number;
  statuses: Record<string, number>;
  seconds: number;
  p50: number;
  p95: number;
  p99: number;
}

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
/** Where `taskset` is missing nothing is pinned; the ratios hold, the spread grows. */
const pin = (pid: number, core: number) => spawnSync('taskset', ['-acp', String(core), String(pid)]);

async function server(kind: string, platform: RunningPlatform): Promise<{ port: number; child: ChildProcess }> {
  const port = await freePort();
  const child = fork(
    file('load/servers.ts'),
    ['--kind', kind, '--port', String(port), '--issuer', platform.url, '--audience', platform.credentials.audience],
    {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    },
  );
  await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', () => reject(new Error(`${kind} did not start`)));
  });
  return { port, child };
}

/** One run of the generator; processor time is read at the edges of the counted part. */
function load(port: number, pid: number, tokens: string[], seconds: number): Promise<CreateRow> {
  return new Promise((resolve, reject) => {
    const child = fork(file('load/generator.ts'), ['--port', String(port), '--tokens', tokens.join(','), '--seconds', String(seconds)], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    pin(child.pid ?? 0, 1);
    let before = treeUse(pid);
    let after = before;
    child.on('message', (word) => {
      if (word === 'counting') before = treeUse(pid);
      else after = treeUse(pid);
    });
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    child.on('exit', () => {
      const done = JSON.parse(text) as Load;
      const right = done.statuses['201'] ?? 0;
      if (right === 0 || right < done.requests * 0.999 || done.errors > 0) {
        reject(new Error(`the load was not answered with 201: ${text}`));
        return;
      }
      resolve({
        requests_s: right / done.seconds,
        p50: done.p50,
        p95: done.p95,
        p99: done.p99,
        cpu_us: (after.program.cpuMicros - before.program.cpuMicros) / right,
        postgres_cpu_us: (after.postgres.cpuMicros - before.postgres.cpuMicros) / right,
      });
    });
  });
}

const median = (numbers: number[]): number => numbers.sort((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0;

/** Runs every server in turn and back again (ABCD DCBA), so that a drift of the machine falls on all alike; answers medians of each figure. */
export async function measureCreate(
  platform: RunningPlatform,
  size: { rounds: number; seconds: number },
): Promise<Record<string, CreateRow>> {
  const stations = platform.credentials.clients.filter((client) => client.station_id !== undefined);
  const tokens = await Promise.all(stations.map((client) => platform.station(client.client_id).token()));
  const servers: Record<string, { port: number; pid: number; child?: ChildProcess }> = {
    ours: { port: Number(new URL(platform.url).port), pid: platform.process.pid ?? 0 },
  };
  for (const kind of ['control', 'fastify_bare', 'node_http']) {
    const { port, child } = await server(kind, platform);
    servers[kind] = { port, pid: child.pid ?? 0, child };
  }
  for (const { pid } of Object.values(servers)) pin(pid, 0);
  for (const pid of familyOf(platform.process.pid ?? 0, 'postgres')) pin(pid, 1);
  const rows: Record<string, CreateRow[]> = {};
  try {
    for (let round = 0; round < size.rounds; round += 1) {
      for (const name of [...Object.keys(servers), ...Object.keys(servers).reverse()]) {
        const target = servers[name];
        if (!target) continue;
        process.stderr.write(`\rround ${round + 1} of ${size.rounds}: ${name}            `);
        rows[name] = [...(rows[name] ?? []), await load(target.port, target.pid, tokens, size.seconds)];
      }
    }
  } finally {
    process.stderr.write('\r');
    for (const { child } of Object.values(servers)) child?.kill();
  }
  const figures = ['requests_s', 'p50', 'p95', 'p99', 'cpu_us', 'postgres_cpu_us'] as const;
  return Object.fromEntries(
    Object.entries(rows).map(([name, runs]) => [
      name,
      Object.fromEntries(figures.map((figure) => [figure, median(runs.map((run) => run[figure]))])) as unknown as CreateRow,
    ]),
  );
}
