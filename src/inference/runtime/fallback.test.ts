import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withFallback } from './fallback.ts';
import { type InferRequest, type ModelRuntime, RuntimeAway } from './runtime.ts';

const key = { model: 'm', version: 1 };

/** The first refuses the run it has in hand, and goes away with it or stays. */
function both(first: 'goes away' | 'is busy') {
  let there = true;
  const [asked, told]: [string[], string[]] = [[], []];
  const runtime = (name: string, ready: () => boolean, infer: () => void): ModelRuntime => ({
    name,
    models: () => [key],
    ready,
    async infer(request: InferRequest) {
      asked.push(`${name} ${request.model} ${request.version}`);
      infer();
      return {};
    },
    close: async () => {},
  });
  const refusing = runtime(
    'first',
    () => there,
    () => {
      there = first === 'is busy';
      throw new RuntimeAway(first);
    },
  );
  const second = runtime(
    'second',
    () => true,
    () => {},
  );
  return { runtime: withFallback(refusing, second, (model) => told.push(model)), asked, told };
}

test('the second runs what the first went away with, and the next one without the first being asked', async () => {
  const { runtime, asked, told } = both('goes away');
  await runtime.infer({ ...key, tensors: {} });
  await runtime.infer({ ...key, tensors: {} });
  assert.deepEqual(asked, ['first m 1', 'second m 1', 'second m 1']);
  assert.deepEqual(told, ['m', 'm']);
});

test('what the first refuses because it is busy, or what was given up, is not handed on', async () => {
  const busy = both('is busy');
  await assert.rejects(busy.runtime.infer({ ...key, tensors: {} }), { name: 'RuntimeAway', message: 'is busy' });
  const given = both('goes away');
  await assert.rejects(given.runtime.infer({ ...key, tensors: {}, signal: AbortSignal.abort() }), { name: 'RuntimeAway' });
  assert.deepEqual([busy.asked, given.asked], [['first m 1'], ['first m 1']]);
});
