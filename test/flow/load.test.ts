import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureLoad } from '../proof/load.ts';

/** MiB of the program with every service and a model in one process; the services apart have their own bounds in services.test.ts. */
const ALL_IN_ONE_MIB = 512;

test('50,000 a minute over 2,000 connections, then 2,000 in a second: all answered, none reset, in time where the machine is quiet', {
  timeout: 290_000,
}, async (t) => {
  const figures = await measureLoad({ seconds: 20, rate: 834, connections: 2000, burst: 2000, workers: 1, split: true }, (text) =>
    t.diagnostic(text),
  );
  t.diagnostic(JSON.stringify(figures));
  const { steady, burst, resets, memory, quiet, others, control } = figures;
  assert.equal(resets, 0);
  assert.deepEqual([steady.answered, burst.answered], [steady.due, burst.due]);
  for (const status of Object.keys({ ...steady.statuses, ...burst.statuses })) assert.match(status, /^(201|503)$/);
  assert.ok(memory < ALL_IN_ONE_MIB, `${memory} MiB`);
  if (!quiet)
    return t.diagnostic(`the control's P95 is ${control.p95} ms, others take ${others} of the machine: too busy to judge latencies`);
  assert.deepEqual(Object.keys(steady.statuses), ['201']);
  assert.ok(steady.p95 <= control.p95 + 60, `P95 ${steady.p95} ms beside ${control.p95} ms`);
});
