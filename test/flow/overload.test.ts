import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Part } from '../../bench/load/part.ts';
import { type Busy, busy } from '../support/busy.ts';

const CREATED = 'http_requests_total{method="POST",status="201",handler="/v1/inspections"}';

/** Creations a second as the server counts them, in the middle of a load: its edges (connections that open, answers that are late) are not in it. */
async function goodput(server: Busy, options: Record<string, string | number>): Promise<{ rate: number; part: Part }> {
  const before = await server.figure(CREATED);
  const loading = server.load({ ...options, seconds: 9, patience: 60 });
  while ((await server.figure(CREATED)) < before + 50) await pause(20);
  const [from, at] = [await server.figure(CREATED), performance.now()];
  await pause(6000);
  const rate = ((await server.figure(CREATED)) - from) / ((performance.now() - at) / 1000);
  const { steady } = await loading;
  assertAnswered(steady);
  return { rate, part: steady };
}

/** Everything had an answer, and the answers are those of a server that knows its limits. */
function assertAnswered(part: Part | undefined): asserts part is Part {
  assert.ok(part);
  assert.deepEqual([part.resets, part.unanswered], [0, 0]);
  for (const status of Object.keys(part.statuses)) assert.match(status, /^(200|201|503)$/);
}

test('creations beyond what can be done: as many are done as ever, the rest is told to come back', { timeout: 280_000 }, async (t) => {
  const server = await busy(t, 1000);
  const { rate: peak } = await goodput(server, { rate: 200, connections: 200 });
  const refusedBefore = await server.figure('requests_shed_total{class="create"}');
  for (const times of [2, 5, 10]) {
    const load = { rate: Math.round(peak * times), connections: 1000 };
    let { rate, part } = await goodput(server, load);
    // A machine that stood still for half a second in six did nothing then.
    for (let more = 0; more < 2 && rate < 0.9 * peak; more += 1) ({ rate, part } = await goodput(server, load));
    t.diagnostic(
      `${times} times the peak of ${peak.toFixed(0)}/s: ${rate.toFixed(0)}/s done; ${JSON.stringify(part.statuses)}, P95 ${part.latency.p95} ms`,
    );
    assert.ok(rate >= 0.9 * peak, `${times} times the peak: ${rate} of ${peak}`);
  }
  assert.ok((await server.figure('requests_shed_total{class="create"}')) > refusedBefore);
  const answer = await fetch(`${server.url}/v1/inspections`, { method: 'POST', headers: TOKEN, body: BOARD });
  assert.equal(answer.status, 201, 'and it is over as soon as the load is');
});

test('thousands that ask again at once are refused once each until their time is over, and nothing else waits for them', {
  timeout: 120_000,
}, async (t) => {
  const server = await busy(t, 60_000, 0);
  const connections = 4000;
  const loading = server.load({ rate: 60_000, connections, seconds: 4, patience: 60, 'give-up': true });
  let longest = 0;
  while ((await server.figure('requests_shed_total{class="create"}')) === 0) await pause(5);
  const began = performance.now();
  while (performance.now() < began + 1800) {
    await pause(20);
    const asked = performance.now();
    await fetch(`${server.url}/v1/inspections/0190a000-0000-7000-8000-000000000000`, { headers: TOKEN });
    longest = Math.max(longest, performance.now() - asked);
  }
  const refused = await server.figure('requests_shed_total{class="create"}');
  const seconds = (performance.now() - began) / 1000;
  t.diagnostic(`${refused} refused of ${connections} in ${seconds.toFixed(1)} s, a read took ${longest.toFixed(0)} ms at most`);
  // Told 2 to 6 s: so often may one that is told 2 have come back, when all of this took longer on a busy machine.
  const most = connections * (1 + Math.ceil(seconds / 2));
  assert.ok(refused <= most, `${refused} refusals of ${connections} connections in ${seconds} s`);
  assertAnswered((await loading).steady);
});

test('a burst is taken whole: every creation of it is done, however long the line', { timeout: 120_000 }, async (t) => {
  const server = await busy(t, 60_000);
  const { burst } = await server.load({ rate: 0, seconds: 0, connections: 2000, burst: 4000, patience: 60 });
  assertAnswered(burst);
  t.diagnostic(`4000 in a second: ${JSON.stringify(burst.statuses)}, the last after ${burst.latency.max} ms`);
  assert.equal(burst.statuses['201'], 4000);
});

test('a flood of exports and reads takes nothing from creations; writes that change a state are never shed', {
  timeout: 120_000,
}, async (t) => {
  const server = await busy(t, 20_000);
  const mix = 'create=4,read=48,list=30,report=18';
  const flood = server.load({ rate: 1500, connections: 1500, seconds: 10, mix, patience: 60 });
  await pause(4000);
  const holds = await Promise.all(
    Array.from({ length: 50 }, () => fetch(`${server.url}/v1/lots/LOT-2026-001/hold`, { method: 'POST', headers: TOKEN, body: '{}' })),
  );
  assert.deepEqual([...new Set(holds.map(({ status }) => status))], [200]);
  const { steady } = await flood;
  assertAnswered(steady);
  const refused = Object.fromEntries(
    await Promise.all(
      ['export', 'read', 'create'].map(async (name) => [name, await server.figure(`requests_shed_total{class="${name}"}`)]),
    ),
  ) as Record<string, number>;
  const created = await server.figure(CREATED);
  t.diagnostic(`refused ${JSON.stringify(refused)}, created ${created}, creations P95 ${steady.by_kind.create?.p95} ms`);
  assert.ok(Number(refused.export) > 0 && Number(refused.read) > 0);
  assert.ok(created / (created + Number(refused.create)) >= 0.994, 'creations stay');
  const [exports, reads] = [
    steady.by_kind.report?.answered ?? 0,
    (steady.by_kind.read?.answered ?? 0) + (steady.by_kind.list?.answered ?? 0),
  ];
  assert.ok(Number(refused.export) / exports > Number(refused.read) / reads, 'exports go before reads');
});

const TOKEN = { authorization: 'Bearer good', 'content-type': 'application/json' };
const BOARD = JSON.stringify({ lot_id: 'LOT-2026-001', chip_id: 'PCB-A1', inspection_type: 'visual' });
