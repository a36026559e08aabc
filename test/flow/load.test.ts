import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BESIDE_CONTROL_MS, measureLoad } from '../proof/load.ts';

/** MiB of the program with every service and a model in one process; the services apart have their own bounds in services.test.ts. */
const ALL_IN_ONE_MIB = 512;

/** What others may take of the machine while a latency is judged that is over its bound; beyond it the load is measured once more. */
const OTHERS = 0.2;

test('50,000 a minute over 2,000 connections, then 2,000 in a second: all answered, none reset, in time where the machine is quiet', {
  timeout: 290_000,
}, async (t) => {
  const measure = async () => {
    const options = { seconds: 20, rate: 834, connections: 2000, burst: 2000, workers: 1, on: 'inspection' as const };
    const figures = await measureLoad(options, (text) => t.diagnostic(text));
    t.diagnostic(JSON.stringify(figures));
    return { ...figures, late: figures.steady.p95 > figures.control.p95 + BESIDE_CONTROL_MS };
  };
  let figures = await measure();
  if (figures.quiet && figures.late && figures.others > OTHERS) figures = await measure();
  const { steady, burst, resets, memory, quiet, late, control } = figures;
  assert.equal(resets, 0);
  assert.deepEqual([steady.answered, burst.answered], [steady.due, burst.due]);
  for (const status of Object.keys({ ...steady.statuses, ...burst.statuses })) assert.match(status, /^(201|503)$/);
  assert.ok(memory < ALL_IN_ONE_MIB, `${memory} MiB`);
  if (!quiet) return t.diagnostic(`the control's P95 is ${control.p95} ms: this machine is too busy to judge latencies`);
  if (late && figures.others > OTHERS) return t.diagnostic(`others took ${figures.others} of the machine: latencies are not judged`);
  assert.deepEqual(Object.keys(steady.statuses), ['201']);
  assert.ok(!late, `P95 ${steady.p95} ms beside ${control.p95} ms`);
});
