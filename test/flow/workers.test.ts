import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { familyOf } from '../../bench/process-tree.ts';
import type { Inspection } from '../../src/contracts/inspections.ts';
import { STREAM_PROTOCOL, type StreamMessage } from '../../src/contracts/stream.ts';
import { isRunning } from '../../src/platform/db/embedded/processes.ts';
import { keepsOneRate } from '../contract/limits.contract.ts';
import { type Connection, openConnection } from '../support/connection.ts';
import { type RunningPlatform, startPlatform } from '../support/platform.ts';
import { workersOf } from '../support/processes.ts';

const RATE = 100;

/** Of a GET without a token. A connection that fetch has kept may lead to a process that died: then another one is opened. */
async function textAt(platform: RunningPlatform, path: string): Promise<string> {
  const ask = async () => await (await fetch(`${platform.url}${path}`)).text();
  return await ask().catch(ask);
}

async function figure(platform: RunningPlatform, name: string): Promise<number> {
  const text = await textAt(platform, '/metrics');
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.slice(name.length) ?? Number.NaN,
  );
}
const created = 'http_requests_total{method="POST",status="201",handler="/v1/inspections"} ';
/** A scrape leaves out a process that is late: it may show too little for a moment, never too much. */
async function shows(platform: RunningPlatform, wanted: number): Promise<void> {
  let shown = await figure(platform, created);
  for (const end = Date.now() + 15_000; shown !== wanted && Date.now() < end; shown = await figure(platform, created)) await pause(100);
  assert.equal(shown, wanted);
}
const board = (chip: number) => ({ lot_id: 'LOT-2026-001', chip_id: `CHIP-${chip}`, inspection_type: 'electrical' });

async function start(t: TestContext, environment: Record<string, string> = {}): Promise<{ platform: RunningPlatform; token: string }> {
  const platform = await startPlatform(t, { environment: { CQP_WORKERS: '2', ...environment } });
  return { platform, token: await platform.station('ICT-HH-1').token() };
}

test('several processes behind one port are one platform', { timeout: 120_000 }, async (t) => {
  const { platform, token } = await start(t, { RATE_LIMIT: String(RATE) });
  const many = Array.from({ length: 8 }, () => openConnection(platform.url, token));
  const [one, two] = many as [Connection, Connection];
  t.after(async () => {
    for (const at of many) at.close();
  });

  await t.test('ready is printed once, and health tells how many serve', async () => {
    assert.equal((await platform.log()).match(/^ready /gm)?.length, 1);
    assert.equal(workersOf(platform).length, 2);
    const health = JSON.parse((await one.ask('GET', '/health')).body);
    assert.deepEqual(health.parts.workers, { status: 'ok', detail: '2 of 2 serve' });
  });

  await t.test('what one creates the other reads, repeats and counts', async () => {
    const key = { 'idempotency-key': 'a-key-of-two' };
    const first = await one.ask('POST', '/v1/inspections', board(1), key);
    assert.equal(first.status, 201, first.body);
    for (const at of many) {
      const again = await at.ask('POST', '/v1/inspections', board(1), key);
      assert.deepEqual([again.status, again.body, again.headers['idempotency-replayed']], [201, first.body, 'true']);
    }
    assert.equal((await two.ask('POST', '/v1/inspections', board(2), key)).status, 422);
    assert.equal((await two.ask('GET', String(first.headers.location))).body, first.body);
    let before = 0;
    for (let scrape = 0; scrape < 4; scrape += 1) before = Math.max(before, await figure(platform, created));
    for (let chip = 10; chip < 20; chip += 1)
      assert.equal((await (chip % 2 ? one : two).ask('POST', '/v1/inspections', board(chip))).status, 201);
    for (let scrape = 0; scrape < 4; scrape += 1) await shows(platform, before + 10);
  });

  await t.test('who waits, and who watches, hears of what the other process did', async () => {
    const { id } = JSON.parse((await one.ask('POST', '/v1/inspections', board(30))).body) as Inspection;
    const sockets = await Promise.all([open(platform, token), open(platform, token)]);
    const waiting = [one, two].map((at) => at.ask('GET', `/v1/inspections/${id}?wait=20`));
    const third = openConnection(platform.url, token);
    const began = performance.now();
    await third.ask('POST', `/v1/inspections/${id}/measurements`, [
      { characteristic: 'net_resistance', unit: 'ohm', value: 1, lsl: 0, usl: 2 },
    ]);
    for (const { body } of await Promise.all(waiting)) assert.equal((JSON.parse(body) as Inspection).status, 'completed');
    for (const socket of sockets) assert.equal(await socket.judged(id), true);
    assert.ok(performance.now() - began < 10_000);
    third.close();
  });

  await t.test('a client has its rate once, on one process or on both', () => keepsOneRate(t, RATE, { one: [one, one], both: many }));
});

/** A live stream that remembers which inspections it heard judged. */
async function open(platform: RunningPlatform, token: string) {
  const socket = new WebSocket(`${platform.url.replace(/^http/, 'ws')}/v1/stream`, [STREAM_PROTOCOL, `bearer.${token}`]);
  const heard = new Set<string>();
  let tell = () => {};
  const subscribed = new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () =>
      socket.send(JSON.stringify({ type: 'subscribe', filter: { event_types: ['inspection.judged'] } })),
    );
    socket.addEventListener('error', () => reject(new Error('the stream broke')));
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as StreamMessage;
      if (message.type === 'subscribed') resolve();
      if (message.type === 'event') heard.add(message.event.aggregate.id);
      tell();
    });
  });
  await subscribed;
  return {
    async judged(id: string): Promise<boolean> {
      const until = Date.now() + 10_000;
      while (!heard.has(id) && Date.now() < until) await Promise.race([pause(100), new Promise<void>((resolve) => (tell = resolve))]);
      socket.close();
      return heard.has(id);
    },
  };
}

test('a process that dies is started again, the others go on, and no counter falls', { timeout: 120_000 }, async (t) => {
  const { platform, token } = await start(t);
  for (let chip = 0; chip < 20; chip += 1) {
    const at = openConnection(platform.url, token);
    assert.equal((await at.ask('POST', '/v1/inspections', board(chip))).status, 201);
    at.close();
  }
  await shows(platform, 20);
  const [victim] = workersOf(platform);
  assert.ok(victim);
  process.kill(victim, 'SIGKILL');
  const began = performance.now();
  let refused = 0;
  const health = () => textAt(platform, '/health').catch(() => '');
  // Right after the signal the first process has not seen yet that one is gone, and tells of two.
  while (!(await health()).includes('2 of 2 serve, 1 started again')) {
    assert.ok(performance.now() - began < 30_000, 'a new process serves, and health tells that one was started again');
    const at = openConnection(platform.url, token);
    refused += await at.ask('GET', '/v1/sites').then(
      () => 0,
      () => 1,
    );
    at.close();
    await pause(50);
  }
  t.diagnostic(`a new process serves after ${Math.round(performance.now() - began)} ms; ${refused} requests met the dead one`);
  assert.ok(refused <= 1);
  const now = workersOf(platform);
  assert.ok(now.length === 2 && !now.includes(victim));
  await shows(platform, 20);
});

test('a process that is frozen is told of, ended, and another takes its place', { timeout: 120_000 }, async (t) => {
  const { platform } = await start(t, { CQP_WORKERS: '3' });
  // A connection may be handed to the frozen one: of several one is answered.
  const probe = async () => await (await fetch(`${platform.url}/health`, { signal: AbortSignal.timeout(3000) })).text();
  const health = () => Promise.any(Array.from({ length: 6 }, probe)).catch(() => '');
  const [victim] = workersOf(platform);
  assert.ok(victim);
  process.kill(victim, 'SIGSTOP');
  t.after(() => {
    if (isRunning(victim)) process.kill(victim, 'SIGKILL');
  });
  let told = '';
  let isTold = false;
  for (const end = Date.now() + 60_000; !told.includes('3 of 3 serve, 1 started again'); told = await health()) {
    isTold ||= told.includes('2 of 3 serve');
    assert.ok(Date.now() < end, `the frozen process was not replaced: ${told}`);
    await pause(100);
  }
  assert.ok(isTold, 'health told that two of three served');
  assert.ok(!isRunning(victim));
  const now = workersOf(platform);
  assert.ok(now.length === 3 && !now.includes(victim));
  assert.match(await platform.log(), /"process":\d,"questions":9,"msg":"process_silent"/);
});

test('SIGTERM: no process takes anything new, each finishes what it has, all leave with 0', { timeout: 120_000 }, async (t) => {
  const { platform, token } = await start(t, { DRAIN_DELAY: '6s' });
  const [one, two] = [openConnection(platform.url, token), openConnection(platform.url, token)];
  const { id } = JSON.parse((await one.ask('POST', '/v1/inspections', board(1))).body) as Inspection;
  const waiting = [one, two].map((at) => at.ask('GET', `/v1/inspections/${id}?wait=20`));
  await pause(300);
  const began = performance.now();
  const stopped = platform.stop();
  const ready = async () => (await fetch(`${platform.url}/health/ready`)).status;
  let told = await ready();
  for (; told !== 503 && performance.now() - began < 5000; told = await ready()) await pause(50);
  assert.equal(told, 503, 'not ready while it still answers');
  for (const { status } of await Promise.all(waiting)) assert.equal(status, 200);
  assert.ok(performance.now() - began < 15_000, 'who waits is told what is known, not kept for the 20 s');
  assert.equal(await stopped, 0);
  assert.deepEqual(workersOf(platform), []);
  one.close();
  two.close();
});

test('kill -9 of the first process: the others and the database leave by themselves', { timeout: 90_000 }, async (t) => {
  const { platform } = await start(t);
  const family = [...workersOf(platform), ...familyOf(platform.process.pid ?? 0, 'postgres')];
  assert.ok(family.length > 5);
  const began = performance.now();
  await platform.stop('SIGKILL');
  while (family.some(isRunning)) {
    assert.ok(performance.now() - began < 60_000, `left: ${family.filter(isRunning).join()}`);
    await pause(100);
  }
  t.diagnostic(`all gone after ${Math.round(performance.now() - began)} ms`);
});

test('a port that somebody has ends the start with words, although processes of one group share theirs', { timeout: 60_000 }, async (t) => {
  const { platform } = await start(t);
  const port = new URL(platform.url).port;
  await assert.rejects(startPlatform(null, { environment: { CQP_WORKERS: '2', PORT: port } }), /^PORT=\d+ is taken/m);
  assert.equal((await fetch(`${platform.url}/health/ready`)).status, 200);
});
