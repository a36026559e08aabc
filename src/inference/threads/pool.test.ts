import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { drawBoard } from '../../../test/support/boards.ts';
import { DIES, FAULTY_THREAD, HANGS } from '../../../test/support/faulty-thread.ts';
import { writeTinyModel } from '../../../test/support/tiny-model.ts';
import { readRepository } from '../models/repository.ts';
import { openThreads, type Threads, type ThreadsOptions } from './pool.ts';

type Context = { after(fn: () => Promise<void>): void };
const quiet = { info() {}, warn() {}, error() {} };

function pool(t: Context, options: Partial<ThreadsOptions> = {}): Threads {
  const threads = openThreads({ size: 1, maxQueue: 8, timeoutMs: 5000, models: [], log: quiet, ...options });
  t.after(() => threads.close());
  return threads;
}
const faulty = (words: string) => ({ kind: 'pair' as const, image: Buffer.from(words), reference: new Uint8Array(1) });
const pairOf = async () => {
  const bytes = await drawBoard();
  return { kind: 'pair' as const, image: new Uint8Array(bytes), reference: new Uint8Array(bytes) };
};

test('a thread that hangs is given up in time and one that dies is replaced; the next task is done', async (t) => {
  const threads = pool(t, { thread: FAULTY_THREAD, timeoutMs: 3000 });
  await threads.perform(await pairOf());
  const began = performance.now();
  await assert.rejects(threads.perform(faulty(HANGS)), { name: 'RunFailed', message: /no answer within 3000 ms/ });
  assert.ok(performance.now() - began < 20_000);
  assert.equal((await threads.perform(await pairOf())).kind, 'pair');
  await assert.rejects(threads.perform(faulty(DIES)), { name: 'RunFailed', message: /code 7/ });
  assert.equal((await threads.perform(await pairOf())).kind, 'pair');
});

test('the queue is bounded, the higher priority goes first, and waiting ends by signal', async (t) => {
  const threads = pool(t, { thread: FAULTY_THREAD, maxQueue: 3, timeoutMs: 3000 });
  const pair = await pairOf();
  await threads.perform(pair);
  const order: number[] = [];
  const blocker = assert.rejects(threads.perform(faulty(HANGS)));
  const given = new AbortController();
  const waiting = [3, 9].map((priority) => threads.perform(pair, { priority }).then(() => order.push(priority)));
  const aborted = assert.rejects(threads.perform(pair, { signal: given.signal }), { name: 'RuntimeAway' });
  await assert.rejects(threads.perform(pair, { priority: 3 }), { name: 'RuntimeAway', message: /3 runs are waiting/ });
  given.abort();
  await Promise.all([blocker, aborted, ...waiting]);
  assert.deepEqual(order, [9, 3]);
});

test('a full queue sends the last of lower priority away for one of higher priority', async (t) => {
  const threads = pool(t, { thread: FAULTY_THREAD, maxQueue: 1, timeoutMs: 3000 });
  const pair = await pairOf();
  await threads.perform(pair);
  const blocker = assert.rejects(threads.perform(faulty(HANGS)));
  const other = assert.rejects(threads.perform(pair, { priority: 0.5 }), { name: 'RuntimeAway', message: /higher priority came/ });
  const judging = threads.perform(pair, { priority: 1 });
  await other;
  await assert.rejects(threads.perform(pair, { priority: 1 }), { name: 'RuntimeAway', message: /1 runs are waiting already$/ });
  await blocker;
  assert.equal((await judging).kind, 'pair');
});

test('closing refuses what waits and what comes', async (t) => {
  const threads = pool(t, { thread: FAULTY_THREAD });
  const waiting = assert.rejects(threads.perform(faulty(HANGS)), { name: 'RuntimeAway' });
  await threads.close();
  await waiting;
  await assert.rejects(threads.perform(await pairOf()), { name: 'RuntimeAway', message: /closing/ });
});

test('the event loop of the process is never held up while pictures are decoded and a model runs', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-models-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeTinyModel(folder);
  const { models } = await readRepository(folder);
  const threads = pool(t, { timeoutMs: 30_000, models: models.map(({ bytes }) => ({ session: 'tiny', bytes })) });
  await threads.settled();
  // 36 megapixels: half a second of decoding, and a run of a second in the tiny model's pooling.
  const bytes = new Uint8Array(await drawBoard({ width: 6000, height: 6000 }));
  let [longest, took] = [Number.POSITIVE_INFINITY, 0];
  // Others on the machine make a pause longer, never shorter: the best of five.
  for (let round = 0; round < 5 && longest >= Math.max(60, took / 4); round += 1) {
    longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }, 5);
    const began = performance.now();
    assert.equal((await threads.perform({ kind: 'pair', image: bytes.slice(), reference: bytes.slice() })).kind, 'pair');
    const pair = { type: 'uint8' as const, dims: [1, 2, 2000, 2000], data: new Uint8Array(8_000_000) };
    assert.equal((await threads.perform({ kind: 'run', session: 'tiny', tensors: { pair } })).kind, 'ran');
    clearInterval(timer);
    took = performance.now() - began;
  }
  assert.ok(took > 150, `the work took ${took} ms: too little to show anything`);
  assert.ok(longest < Math.max(60, took / 4), `the event loop stood still for ${longest} of ${took} ms`);
});

test('a pool that is closed, or gives a run up, while native code is at it leaves the process alive', async (t) => {
  const { models } = await readRepository(fileURLToPath(new URL('../../../models', import.meta.url)));
  const sessions = models.slice(0, 1).map(({ bytes }) => ({ session: 'board', bytes }));
  const run = (threads: Threads) => {
    const pair = { type: 'uint8' as const, dims: [1, 2, 1600, 1600], data: new Uint8Array(2 * 1600 * 1600) };
    return threads.perform({ kind: 'run', session: 'board', tensors: { pair } });
  };
  const closed = pool(t, { models: sessions, timeoutMs: 30_000 });
  await closed.settled();
  const cut = [0, 1].map(() => assert.rejects(run(closed), { name: 'RuntimeAway' }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  await closed.close();
  await Promise.all(cut);
  const late = pool(t, { models: sessions, timeoutMs: 20 });
  await late.settled();
  await assert.rejects(run(late), { name: 'RunFailed', message: /no answer within 20 ms/ });
  await late.close();
});

test('a model run writes nothing into the home of its user: the runtime does not report to its maker', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'cqp-home-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const program = `
    import { openThreads } from ${JSON.stringify(new URL('./pool.ts', import.meta.url).href)};
    import { readRepository } from ${JSON.stringify(new URL('../models/repository.ts', import.meta.url).href)};
    import { writeTinyModel } from ${JSON.stringify(new URL('../../../test/support/tiny-model.ts', import.meta.url).href)};
    const folder = process.argv[1];
    await writeTinyModel(folder);
    const { models } = await readRepository(folder);
    const threads = openThreads({ size: 1, maxQueue: 1, timeoutMs: 30_000, log: console, models: models.map(({ bytes }) => ({ session: 'tiny', bytes })) });
    await threads.settled();
    const pair = { type: 'uint8', dims: [1, 2, 64, 64], data: new Uint8Array(8192) };
    console.log((await threads.perform({ kind: 'run', session: 'tiny', tensors: { pair } })).kind);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await threads.close();`;
  const models = await mkdtemp(join(tmpdir(), 'cqp-models-'));
  t.after(() => rm(models, { recursive: true, force: true }));
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program, models], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: {
      PATH: process.env.PATH,
      HOME: home,
      XDG_CACHE_HOME: join(home, '.cache'),
      XDG_DATA_HOME: join(home, '.local'),
      USERPROFILE: home,
      LOCALAPPDATA: home,
    },
  });
  assert.equal(stdout.trim(), 'ran');
  assert.deepEqual(await readdir(home, { recursive: true }), []);
});
