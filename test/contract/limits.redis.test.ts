import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { freePorts } from '../../src/platform/ports.ts';
import { messageOf, openRedisChannel } from '../../src/platform/shared-state/redis.ts';
import { startRedis } from '../../tools/servers/redis.ts';
import { openConnection } from '../support/connection.ts';
import { testDatabase } from '../support/database.ts';
import { type RunningPlatform, startPlatform } from '../support/platform.ts';
import { keepsOneRate, rateOf, TOLERANCE } from './limits.contract.ts';

const RATE = 100;

async function until(what: string, holds: () => boolean | Promise<boolean>, millis = 15_000): Promise<number> {
  const began = performance.now();
  while (!(await holds())) {
    assert.ok(performance.now() - began < millis, `${what} within ${millis} ms`);
    await pause(50);
  }
  return Math.round(performance.now() - began);
}

const partOf = async ({ url }: RunningPlatform) => {
  const { parts } = (await (await fetch(`${url}/health`)).json()) as { parts: Record<string, { status: string; detail?: string }> };
  return parts.redis;
};
const isReady = async ({ url }: RunningPlatform) =>
  (await fetch(`${url}/health/ready`)).status === 200 && (await fetch(`${url}/health/live`)).status === 200;
const isUp = async ({ url }: RunningPlatform) => /^redis_up(\{.*\})? (\d)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[2];

test('machines that share a Redis keep one limit; without it each keeps its own, and nothing else changes', {
  timeout: 280_000,
}, async (t) => {
  const redis = await startRedis();
  t.after(() => redis.remove());
  const { url: database } = await testDatabase(t);
  const ports = await freePorts(3);
  const dataDir = await mkdtemp(join(tmpdir(), 'cqp-machines-'));
  t.after(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 }));
  /** All give and take the tokens of one address; each listens on its own. */
  const start = async (at: number, environment: Record<string, string> = {}) => {
    const shared = { DATABASE_URL: database, REDIS_URL: redis.url, RATE_LIMIT: String(RATE), PUBLIC_URL: `http://localhost:${ports[0]}` };
    const platform = await startPlatform(t, { dataDir, environment: { ...shared, PORT: String(ports[at]), ...environment } });
    return { ...platform, url: `http://localhost:${ports[at]}` };
  };
  const first = await start(0);
  const second = await start(1);
  const third = await start(2, { CQP_WORKERS: '2' });
  const machines = [first, second, third];
  const token = await first.station('ICT-HH-1').token();
  const at = (machine: RunningPlatform) => openConnection(machine.url, token);
  const one = at(first);
  const all = [one, at(second), ...Array.from({ length: 4 }, () => at(third))];
  t.after(async () => {
    for (const connection of all) connection.close();
  });
  for (const machine of machines) await until('Redis is reached', async () => (await partOf(machine))?.status === 'ok');

  await t.test('a client has its rate once, on one machine or on all', () => keepsOneRate(t, RATE, { one: [one, one], all }));

  await t.test('Redis frozen: told within seconds, ready all the while, and limits hold on each machine', async () => {
    redis.pause();
    const millis = await until('health tells', async () => (await partOf(first))?.status === 'degraded', 10_000);
    t.diagnostic(`told after ${millis} ms: ${(await partOf(first))?.detail}`);
    assert.ok(await isReady(first));
    assert.equal(await isUp(first), '0');
    const given = await rateOf([one, one]);
    assert.ok(Math.abs(given - RATE) <= RATE * TOLERANCE, `${given} of ${RATE} on one machine alone`);
    redis.resume();
    for (const machine of machines) await until('Redis is reached again', async () => (await partOf(machine))?.status === 'ok');
  });

  await t.test('Redis killed and started again: together as before', async () => {
    await redis.kill();
    for (const machine of machines) {
      await until('health tells', async () => (await partOf(machine))?.status === 'degraded');
      assert.ok(await isReady(machine));
    }
    assert.equal(
      (await one.ask('POST', '/v1/inspections', { lot_id: 'LOT-2026-001', chip_id: 'C-1', inspection_type: 'electrical' })).status,
      201,
    );
    await redis.start();
    for (const machine of machines) await until('Redis is reached again', async () => (await partOf(machine))?.status === 'ok');
    assert.equal(await isUp(first), '1');
    await keepsOneRate(t, RATE, { all });
  });

  await t.test('what it says of Redis has no password in it', async () => {
    const said = await first.log();
    assert.match(said, /redis_away/);
    assert.ok(!said.includes(new URL(redis.url).password));
  });
});

test('a start does not wait for a Redis that is not there', { timeout: 60_000 }, async (t) => {
  const platform = await startPlatform(t, { environment: { REDIS_URL: 'redis://127.0.0.1:1' } });
  assert.ok(await isReady(platform));
  assert.equal((await partOf(platform))?.status, 'degraded');
  await until('the log says why', async () => /"reason":"connect ECONNREFUSED.*redis_away/.test(await platform.log()));
});

test('a channel tells the others all of it, in pieces, and neither itself nor its own program', { timeout: 60_000 }, async (t) => {
  const redis = await startRedis();
  t.after(() => redis.remove());
  const open = (program: string, channel = 'limits') => {
    const log = { info: () => {}, warn: () => {} };
    const opened = openRedisChannel({ url: redis.url, channel, program, log });
    const heard: [string, number][] = [];
    opened.hear((limit, takings) => heard.push(...takings.map(([key, count]) => [`${limit} ${key}`, count] as [string, number])));
    t.after(async () => opened.close());
    return { opened, heard };
  };
  const ends = [open('a'), open('a'), open('b'), open('c', 'of another platform')] as const;
  for (const { opened } of ends) await until('it is reached', () => opened.fault() === null);
  const takings = Array.from({ length: 2500 }, (_, index) => [`client-${index}`, index + 1] as const);
  ends[0].opened.tell('requests', takings);
  await until('all is heard', () => ends[2].heard.length >= takings.length);
  assert.deepEqual(
    ends[2].heard,
    takings.map(([key, count]) => [`requests ${key}`, count]),
  );
  assert.deepEqual([ends[0].heard, ends[1].heard, ends[3].heard], [[], [], []]);
});

test('what does not fit is no message', () => {
  const good = { program: 'a', limit: 'requests', takings: [['client', 3]] };
  assert.deepEqual(messageOf(JSON.stringify(good)), good);
  for (const wrong of [
    '',
    'null',
    '[]',
    '{"program":"a"}',
    JSON.stringify({ ...good, takings: 'all' }),
    JSON.stringify({ ...good, takings: [['client', -3]] }),
    JSON.stringify({ ...good, takings: [['client', 0.5]] }),
    JSON.stringify({ ...good, takings: [['client', 1, 2]] }),
    JSON.stringify({ ...good, takings: [['c'.repeat(501), 1]] }),
    JSON.stringify({ ...good, takings: Array(1001).fill(['client', 1]) }),
  ])
    assert.equal(messageOf(wrong), null, wrong.slice(0, 80));
});
