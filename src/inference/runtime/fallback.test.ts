import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withFallback } from './fallback.ts';
import { type InferRequest, type ModelRuntime, RuntimeAway, type Tensors } from './runtime.ts';

const key = { model: 'm', version: 1 };

/** The first goes away after `ms` with a run in hand. */
function both(ms: number) {
  let there = true;
  const seen: (number | undefined)[] = [];
  const runtime = (name: string, ready: () => boolean, infer: (request: InferRequest) => Promise<Tensors>): ModelRuntime => ({
    name,
    models: () => [key],
    ready,
    infer,
    close: async () => {},
  });
  const first = runtime(
    'first',
    () => there,
    async () => {
      await sleep(ms);
      there = false;
      throw new RuntimeAway('away');
    },
  );
  const second = runtime(
    'second',
    () => true,
    async ({ deadlineMs }) => {
      seen.push(deadlineMs);
      return {};
    },
  );
  return { runtime: withFallback(first, second, () => {}), seen };
}

test('the second runtime has what the first left of the deadline', async () => {
  const { runtime, seen } = both(100);
  await runtime.infer({ ...key, tensors: {}, deadlineMs: 60_000 });
  assert.ok((seen[0] ?? 0) > 0 && (seen[0] ?? 0) <= 59_901, String(seen[0]));
  await runtime.infer({ ...key, tensors: {} });
  assert.equal(seen[1], undefined);
});

test('where the first left nothing of it the second is not asked', async () => {
  const { runtime, seen } = both(60);
  await assert.rejects(runtime.infer({ ...key, tensors: {}, deadlineMs: 50 }), { name: 'RuntimeAway', message: /time was over/ });
  assert.deepEqual(seen, []);
});
