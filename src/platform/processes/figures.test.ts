import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '../telemetry/metrics.ts';
import { leftBehind, textOf } from './figures.ts';

function processOf(worker: number, requests: number, lag: number) {
  const metrics = createMetrics({ process: true, worker });
  const meter = metrics.route('GET', '/v1/sites');
  for (let request = 0; request < requests; request += 1) meter.done(200, 0.003);
  metrics.busLag.set({ group: 'inference' }, lag);
  metrics.databasePool.set({ state: 'total' }, 5);
  return metrics.figures();
}
const value = (text: string, name: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.slice(name.length) ?? Number.NaN,
  );

test('the figures of a group: counts and buckets summed, what all look at once, each process by itself', async () => {
  const text = await textOf([await processOf(0, 3, 7), await processOf(1, 4, 2)]);
  assert.equal(value(text, 'http_requests_total{method="GET",status="200",handler="/v1/sites"} '), 7);
  assert.equal(value(text, 'http_request_duration_seconds_count{method="GET",handler="/v1/sites"} '), 7);
  assert.equal(value(text, 'http_request_duration_seconds_bucket{le="0.005",method="GET",handler="/v1/sites"} '), 7);
  assert.equal(value(text, 'bus_lag_seconds{group="inference"} '), 7, 'the largest, not the sum');
  assert.equal(value(text, 'database_pool_connections{state="total"} '), 10);
  for (const worker of [0, 1]) assert.ok(value(text, `process_resident_memory_bytes{worker="${worker}"} `) > 1e6);
});

test('a process that is gone stays in the counters and leaves the gauges, so that no counter ever falls', async () => {
  const gone = await leftBehind(await leftBehind([], await processOf(0, 3, 7)), await processOf(1, 4, 2));
  const text = await textOf([await processOf(2, 5, 1), gone]);
  assert.equal(value(text, 'http_requests_total{method="GET",status="200",handler="/v1/sites"} '), 12);
  assert.equal(value(text, 'http_request_duration_seconds_bucket{le="+Inf",method="GET",handler="/v1/sites"} '), 12);
  assert.equal(value(text, 'bus_lag_seconds{group="inference"} '), 1);
  assert.doesNotMatch(text, /process_resident_memory_bytes\{worker="[01]"/);
});
