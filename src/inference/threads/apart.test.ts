import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeTinyModel } from '../../../test/support/tiny-model.ts';
import { readRepository } from '../models/repository.ts';
import { sideOf } from '../models/side.ts';
import { startApart } from './apart.ts';

const quiet = { info() {}, warn() {}, error() {} };
const pair = () => ({ pair: { type: 'uint8' as const, dims: [1, 2, 64, 64], data: new Uint8Array(8192) } });

test('a model that never answers is given up in time, its process is gone, and the next run on the side is answered', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-models-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeTinyModel(folder);
  await writeTinyModel(folder, { version: 2, hangs: true });
  const { models } = await readRepository(folder);
  const side = await sideOf({ timeoutMs: 10_000, log: quiet })(models);
  t.after(() => side.close());
  const run = (version: number) => side.runtime.infer({ model: 'pcb-pair-synth', version, tensors: pair() });
  assert.ok((await run(1)).heat);
  const began = performance.now();
  await assert.rejects(run(2), { name: 'RunFailed', message: /no answer within 10000 ms/ });
  assert.ok(performance.now() - began < 60_000);
  await side.settled();
  assert.ok((await run(1)).heat);
});

test('a side that is no longer waited for is there at once, and not ready', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-models-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeTinyModel(folder);
  const side = await sideOf({ timeoutMs: 1500, log: quiet })((await readRepository(folder)).models, AbortSignal.abort());
  t.after(() => side.close());
  assert.equal(side.runtime.ready('pcb-pair-synth', 1), false);
});

/** The scheduling class of the thread that runs models: proc_pid_stat(5), field 41. */
async function classOf(pid: number): Promise<number> {
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const [, name, rest] = /^\d+ \((.*)\) (.*)/.exec(await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8')) ?? [];
    if (name === 'inference') return Number(rest?.split(' ')[38]);
  }
  throw new Error('no thread runs models');
}
/** sched(7). */
const SCHED_IDLE = 5;

test('what runs apart has the lowest priority of the system and ends when it is told to', async () => {
  const apart = startApart();
  const exited = new Promise<void>((resolve) => apart.on('exit', () => resolve()));
  await new Promise<void>((resolve) => apart.on('message', () => resolve()));
  if (apart.pid !== undefined && process.platform !== 'win32') assert.ok(getPriority(apart.pid) > getPriority());
  if (process.platform === 'linux' && spawnSync('chrt', ['-m']).status === 0) assert.equal(await classOf(apart.pid as number), SCHED_IDLE);
  await apart.terminate();
  await exited;
});

test('a process apart does not outlive the one that started it', async () => {
  const program = `
    import { startApart } from ${JSON.stringify(new URL('./apart.ts', import.meta.url).href)};
    const apart = startApart();
    apart.on('message', () => console.log(apart.pid));`;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'ignore'] });
  const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
  const lives = () => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  assert.ok(lives());
  parent.kill('SIGKILL');
  for (const end = Date.now() + 60_000; lives() && Date.now() < end; ) await sleep(50);
  assert.ok(!lives());
});
