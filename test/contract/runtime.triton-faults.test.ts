import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readRepository } from '../../src/inference/models/repository.ts';
import { withFallback } from '../../src/inference/runtime/fallback.ts';
import { onnxRuntime } from '../../src/inference/runtime/onnx.ts';
import { keyOf, type ModelRuntime, type Tensors } from '../../src/inference/runtime/runtime.ts';
import { openTriton, tritonClient } from '../../src/inference/runtime/triton/open.ts';
import type { WatchTimes } from '../../src/inference/runtime/triton/runtime.ts';
import { openThreads } from '../../src/inference/threads/pool.ts';
import { openLink } from '../support/link.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { knownModels, meters, realTriton, until } from '../support/triton.ts';

const quiet = { info() {}, warn() {}, error() {} };
const key = { model: 'pcb-pair-synth', version: 1 };
const pair = (): Tensors => ({ pair: { type: 'uint8', dims: [1, 2, 64, 64], data: new Uint8Array(8192) } });

async function tinyRepository(t: TestContext, boxReach = 16): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-models-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeTinyModel(folder, { boxReach });
  return folder;
}

/** The tiny model on a real server, behind a link that can fail, and the runtime before it. */
async function guarded(
  t: TestContext,
  { times = {}, timeoutMs = 10_000, protocol = 'grpc' as 'grpc' | 'http', served = 16, breaksOn } = {} as {
    times?: Partial<WatchTimes>;
    timeoutMs?: number;
    breaksOn?: Buffer;
    protocol?: 'grpc' | 'http';
    served?: number;
  },
) {
  const folder = await tinyRepository(t);
  const triton = await realTriton(t, served === 16 ? folder : await tinyRepository(t, served));
  const link = await openLink(triton.server.ports[protocol], breaksOn);
  t.after(() => link.close());
  const told = meters();
  const log: string[] = [];
  const keep = (fields: object, message: string) => void log.push(`${message} ${JSON.stringify(fields)}`);
  const runtime = openTriton({
    address: { protocol, target: `127.0.0.1:${link.port}` },
    models: await knownModels(folder),
    lanes: { inFlight: 4, waiting: 32 },
    timeoutMs,
    meters: told.meters,
    log: { info: keep, warn: keep, error: keep },
    times,
  });
  t.after(() => runtime.close());
  const ready = () => runtime.ready(key.model, key.version);
  return { ...triton, folder, link, runtime, ready, log, figures: told.text };
}

/** Four callers, as the workers are: a run that the runtime cannot take waits a moment and is asked again. */
function load(runtime: ModelRuntime) {
  const counts = { answered: 0, away: 0, failed: 0, last: 0 };
  const stop = new AbortController();
  const caller = async () => {
    while (!stop.signal.aborted) {
      if (runtime.ready(key.model, key.version))
        await runtime.infer({ ...key, tensors: pair() }).then(
          ({ heat }) => {
            assert.equal(heat?.data.length, 384);
            counts.answered += 1;
            counts.last = performance.now();
          },
          (error: Error) => {
            counts[error.name === 'RuntimeAway' ? 'away' : 'failed'] += 1;
          },
        );
      await sleep(10);
    }
  };
  const callers = Promise.all(Array.from({ length: 4 }, caller));
  return {
    counts,
    async end() {
      stop.abort();
      await callers;
    },
  };
}

const faults = {
  'a server that is stopped (SIGSTOP)': {
    break: ({ server }) => server.process.kill('SIGSTOP'),
    heal: ({ server }) => server.process.kill('SIGCONT'),
  },
  'a link that swallows everything': { break: ({ link }) => link.swallow(), heal: ({ link }) => link.heal() },
} satisfies Record<string, Record<'break' | 'heal', (given: Awaited<ReturnType<typeof guarded>>) => unknown>>;

for (const protocol of ['grpc', 'http'] as const)
  for (const [what, fault] of Object.entries(faults))
    test(`${protocol}: ${what} opens the breaker within 5 s, runs wait, and 15 s after it is healed at most they are answered`, async (t) => {
      const given = await guarded(t, { protocol });
      await until('used', given.ready);
      const { counts, end } = load(given.runtime);
      t.after(end);
      await until('answers', () => counts.answered > 10);
      fault.break(given);
      assert.ok((await until('open', () => !given.ready(), 8000)) < 5000);
      assert.match(given.runtime.trouble() ?? '', /pcb-pair-synth 1 waits/);
      assert.match(await given.figures(), /inference_breaker_state\{model_name="pcb-pair-synth",model_version="1"\} [12]/);
      await assert.rejects(given.runtime.infer({ ...key, tensors: pair() }), { name: 'RuntimeAway' });
      await sleep(4000);
      const before = counts.answered;
      fault.heal(given);
      const healed = await until('answers again', () => counts.answered > before, 20_000);
      assert.ok(healed < 15_000, `${healed} ms`);
      await end();
      assert.equal(counts.failed, 0);
      assert.equal(given.runtime.trouble(), null);
    });

test('a link that breaks for a moment opens no breaker, and runs are answered within a second after it', async (t) => {
  const given = await guarded(t);
  await until('used', given.ready);
  const { counts, end } = load(given.runtime);
  t.after(end);
  await until('answers', () => counts.answered > 10);
  given.link.cut();
  await sleep(400);
  const before = counts.answered;
  given.link.heal();
  assert.ok((await until('answers again', () => counts.answered > before, 5000)) < 1000);
  await end();
  assert.equal(counts.failed + counts.away, 0);
  assert.doesNotMatch(given.log.join('\n'), /breaker open/);
  assert.match(await given.figures(), /inference_retries_total\{kind="unreachable"\} [1-9]/);
});

test('a server that is killed and started again is used again, after its answers were looked at anew', async (t) => {
  const given = await guarded(t);
  await until('used', given.ready);
  const { counts, end } = load(given.runtime);
  t.after(end);
  await given.server.kill();
  await until('open', () => !given.ready());
  await given.again();
  const before = counts.answered;
  assert.ok((await until('answers again', () => counts.answered > before, 20_000)) < 15_000);
  await end();
  assert.equal(counts.failed, 0);
});

for (const signal of ['SIGKILL', 'SIGSTOP'] as const)
  for (const busy of [true, false])
    test(`a model process that gets ${signal} while the server says ready is noticed and replaced, ${busy ? 'under load' : 'idle'}`, async (t) => {
      const given = await guarded(t, { timeoutMs: 3000, times: { silentMs: 500, answerMs: 1000 } });
      await until('used', given.ready);
      const { counts, end } = load(given.runtime);
      t.after(end);
      if (busy) await until('answers', () => counts.answered > 10);
      else await end();
      const [stub] = given.server.stubs();
      process.kill(stub as number, signal);
      const client = tritonClient({ protocol: 'grpc', target: `127.0.0.1:${given.server.ports.grpc}` });
      t.after(() => client.close());
      assert.equal(await client.modelReady(key), true);
      await until(
        'reloaded',
        async () => /inference_reloads_total\{model_name="pcb-pair-synth"\} [1-9]/.test(await given.figures()),
        10_000,
      );
      await until('used again', given.ready);
      assert.deepEqual((await given.runtime.infer({ ...key, tensors: pair() })).heat?.dims, [1, 6, 8, 8]);
      await end();
      assert.equal(counts.failed, 0);
      assert.ok(given.server.stubs().some((pid) => pid !== stub));
    });

test('a server with other weights under our name is refused in the log and never asked for a board', async (t) => {
  const given = await guarded(t, { served: 24 });
  await until('looked at', () => given.log.some((line) => /not our model: output ltrb differs by/.test(line)));
  assert.equal(given.ready(), false);
  await assert.rejects(given.runtime.infer({ ...key, tensors: pair() }), { name: 'RuntimeAway', message: /not our model/ });
});

test('weights that are changed on the running server are noticed', async (t) => {
  const given = await guarded(t);
  await until('used', given.ready);
  const { counts, end } = load(given.runtime);
  t.after(end);
  await until('answers', () => counts.answered > 100);
  const other = await tinyRepository(t, 24);
  await copyFile(join(other, key.model, '1', 'model.onnx'), join(given.repository, key.model, '1', 'model.onnx'));
  // Triton loads a version anew when a file of it is younger.
  const client = tritonClient({ protocol: 'grpc', target: `127.0.0.1:${given.server.ports.grpc}` });
  await client.load(key.model);
  await client.close();
  // By the count of its runs, which begins anew: long before the look that is due each minute.
  await until('refused', () => !given.ready());
  await end();
  assert.match(given.runtime.trouble() ?? '', /not our model/);
  assert.equal(counts.failed, 0);
});

test('with a fall-back the embedded runtime runs what the server cannot, says so, and the server gets the runs back', async (t) => {
  const given = await guarded(t);
  const { models } = await readRepository(given.folder);
  const sessions = models.map(({ manifest, bytes }) => ({ session: keyOf(manifest.name, manifest.version), bytes }));
  const threads = openThreads({ size: 1, maxQueue: 16, timeoutMs: 5000, models: sessions, log: quiet });
  await threads.settled();
  const told: string[] = [];
  const both = withFallback(given.runtime, onnxRuntime(threads, models), (model) => told.push(model));
  t.after(() => both.close());
  await until('used', given.ready);
  const by = async () => {
    let who = '';
    await both.infer({ ...key, tensors: pair(), answeredBy: (name) => (who = name) });
    return who;
  };
  assert.match(await by(), /^triton 2\.51\.0 grpc$/);
  given.link.swallow();
  const stuck = Array.from({ length: 8 }, by);
  for (const who of await Promise.all(stuck.map((one) => one))) assert.match(who, /^onnxruntime-node/);
  assert.equal(both.ready(key.model, key.version), true);
  assert.match(await by(), /^onnxruntime-node/);
  assert.ok(told.length >= 1);
  given.link.heal();
  await until('used again', given.ready);
  assert.match(await by(), /^triton/);
});

/** A board that the changed model process knows by its first byte. */
const marked = (mark: number): Tensors => ({ pair: { type: 'uint8', dims: [1, 2, 64, 64], data: new Uint8Array(8192).fill(mark, 0, 16) } });

/** The server's model does `what` (Python) with boards that are marked. */
async function withMark(given: Awaited<ReturnType<typeof guarded>>, mark: number, what: string): Promise<void> {
  const file = join(given.repository, key.model, '1', 'model.py');
  const text = await readFile(file, 'utf8');
  const first = 'def execute(self, requests):\n';
  const sees = `any(pb.get_input_tensor_by_name(r, "pair").as_numpy().flat[0] == ${mark} for r in requests)`;
  await writeFile(file, text.replace(first, `${first}        if ${sees}:\n            ${what}\n`));
  const client = tritonClient({ protocol: 'grpc', target: `127.0.0.1:${given.server.ports.grpc}` });
  await client.load(key.model);
  await client.close();
}

/** As a worker does with a job: away is asked again, failed costs an attempt. */
async function attempts(runtime: ModelRuntime, most: number, tensors: () => Tensors): Promise<{ failed: number; away: number }> {
  const told = { failed: 0, away: 0 };
  for (const end = performance.now() + 60_000; told.failed < most && performance.now() < end; await sleep(200))
    await runtime.infer({ ...key, id: 'operation/0', tensors: tensors() }).then(
      () => assert.fail('answered'),
      (error: Error) => {
        told[error.name === 'RunFailed' ? 'failed' : 'away'] += 1;
      },
    );
  return told;
}

for (const busy of [true, false])
  test(`a board that ends the model process each time costs its own attempts and no other's, ${busy ? 'under load' : 'alone'}`, async (t) => {
    const given = await guarded(t);
    await withMark(given, 77, 'os._exit(9)');
    await until('used', given.ready);
    const { counts, end } = load(given.runtime);
    t.after(end);
    if (busy) await until('answers', () => counts.answered > 10);
    else await end();
    const told = await attempts(given.runtime, 3, () => marked(77));
    t.diagnostic(JSON.stringify({ told, counts }));
    assert.equal(told.failed, 3);
    const reloads = Number(/inference_reloads_total\{model_name="pcb-pair-synth"\} (\d+)/.exec(await given.figures())?.[1]);
    assert.ok(reloads <= 5, `${reloads} reloads`);
    await until('used again', given.ready);
    assert.ok((await given.runtime.infer({ ...key, tensors: pair() })).heat);
    await end();
    assert.equal(counts.failed, 0);
  });

test('a board with which the connection breaks each time is failed at last, after more tries than an outage takes', async (t) => {
  const given = await guarded(t, { protocol: 'http', breaksOn: Buffer.alloc(16, 77) });
  await until('used', given.ready);
  const told = await attempts(given.runtime, 3, () => marked(77));
  t.diagnostic(JSON.stringify(told));
  assert.equal(told.failed, 3);
  assert.match(await given.figures(), /inference_faults_total\{kind="unreachable"\} ([5-9]|\d\d)/);
  await until('used again', given.ready);
  assert.ok((await given.runtime.infer({ ...key, tensors: pair() })).heat);
});

test('a model at work on one long run is not taken for one that hangs', async (t) => {
  const given = await guarded(t, { times: { silentMs: 500, answerMs: 3000 } });
  await withMark(given, 78, '__import__("time").sleep(6)');
  // That it was loaded anew is seen by the count of its runs, and doubted until it was looked at.
  const client = tritonClient({ protocol: 'grpc', target: `127.0.0.1:${given.server.ports.grpc}` });
  t.after(() => client.close());
  await until('looked at anew', async () => ((await client.runs(key)) ?? 0) > 0);
  await until('used', given.ready);
  assert.ok((await given.runtime.infer({ ...key, tensors: marked(78) })).heat);
  const figures = await given.figures();
  assert.doesNotMatch(figures, /inference_reloads_total\{/);
  assert.doesNotMatch(figures, /inference_retries_total\{kind="\w+"\} [1-9]/);
});
