import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { type ClientRequest, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { openExports } from '../../src/monitoring/dataset.ts';
import { boardsAfter } from '../../src/monitoring/dataset-lines.ts';
import type { MonitoringTables } from '../../src/monitoring/tables.ts';
import { reads } from '../../src/platform/db/database.ts';
import { createApp } from '../../src/platform/http/app.ts';
import { openFloor, until } from '../support/floor.ts';
import { STATION, TOKEN } from '../support/sample-app.ts';

const floor = await openFloor({ after }, { model: false, inference: false, disposition: false });
await floor.app.listen({ host: '127.0.0.1', port: 0 });
const { port } = floor.app.server.address() as AddressInfo;
const folders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('cqp-dataset-'));
const had = await folders();
const left = async () => (await folders()).filter((name) => !had.includes(name));

/** Nothing can be read of the boards until the answer is called. */
async function hold(): Promise<() => Promise<void>> {
  const client = await floor.db.pool.connect();
  await client.query('begin');
  await client.query('lock table monitoring.board in access exclusive mode');
  return async () => {
    await client.query('commit');
    client.release();
  };
}
const waiting = async () =>
  (
    await floor.rows<{ n: number }>(`select count(*)::int as n from pg_locks where relation = 'monitoring.board'::regclass and not granted`)
  )[0]?.n;
function ask(): { asked: ClientRequest; status: Promise<number> } {
  const asked = request({ host: '127.0.0.1', port, path: '/v1/review-dataset', headers: { authorization: 'Bearer admin' } });
  const status = new Promise<number>((resolve) => {
    asked.on('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.on('error', () => resolve(0));
  });
  asked.end();
  return { asked, status };
}
/** Lets what waits run its one statement, and holds the next. */
async function step(release: () => Promise<void>): Promise<() => Promise<void>> {
  const next = hold();
  await until('the next hold', async () => (await waiting()) === 3);
  await release();
  return await next;
}

test('a client that hangs up ends the work for its data set: the slot is free and the folder is gone', async () => {
  let release = await hold();
  const both = [ask(), ask()];
  await until('both are at work', async () => (await waiting()) === 2);
  assert.equal(await ask().status, 503, 'two are made at once');
  for (const { asked } of both) asked.destroy();
  await Promise.all(both.map(({ status }) => status));
  await sleep(100);
  release = await step(release);
  await until('both have left', async () => (await left()).length === 0);
  const third = ask();
  const early = await Promise.race([third.status, until('the third is at work', async () => (await waiting()) === 1)]);
  await release();
  assert.equal(early, true, 'it was let in while nothing could be read');
  assert.equal(await third.status, 200);
  await until('nothing is left', async () => (await left()).length === 0);
});

const everything = { model: null, site: '*', from: null, to: null };

test('a request that is out of time, whatever the export still does, keeps no slot', async () => {
  const app = await createApp({ authenticate: () => STATION, handlerTimeoutMs: 1000 });
  const exports = openExports(reads<MonitoringTables>(floor.db), 60_000);
  app.get('/made', { config: { permission: 'inspections:read' } }, (_request, reply) => exports.send(reply, everything));
  await app.ready();
  const get = () => app.inject({ method: 'GET', url: '/made', headers: TOKEN });
  const release = await hold();
  for (const { statusCode } of await Promise.all([get(), get()])) assert.equal(statusCode, 503, 'out of time');
  await release();
  await until('a slot is free', async () => (await get()).statusCode === 200);
  await until('nothing is left', async () => (await left()).length === 0);
  await app.close();
});

test('an export that takes too long is told so and ends; a folder that cannot be made keeps no slot', async () => {
  const app = await createApp({ authenticate: () => STATION });
  const exports = openExports(reads<MonitoringTables>(floor.db), 200);
  app.get('/made', { config: { permission: 'inspections:read' } }, (_request, reply) => exports.send(reply, everything));
  await app.ready();
  const get = () => app.inject({ method: 'GET', url: '/made', headers: TOKEN });
  const release = await hold();
  const both = [get(), get()];
  let told = 0;
  for (const one of both)
    void one.then(() => {
      told += 1;
    });
  await until('both are at work, or told already', async () => Number(await waiting()) + told === 2);
  await sleep(250);
  await release();
  for (const { statusCode, body } of await Promise.all(both)) {
    assert.equal(statusCode, 504);
    assert.match(body, /Not written within 0\.2 s: ask for a shorter span/);
  }
  const { TMPDIR } = process.env;
  const nowhere = join(await mkdtemp(join(tmpdir(), 'cqp-nowhere-')), 'gone');
  try {
    process.env.TMPDIR = nowhere;
    for (let time = 0; time < 3; time += 1) assert.notEqual((await get()).json().error.code, 'overloaded');
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    await rm(join(nowhere, '..'), { recursive: true });
  }
  await until('a slot is free, and an export in time', async () => (await get()).statusCode === 200);
  await until('nothing is left', async () => (await left()).length === 0);
  await app.close();
});

test('a piece of an export reads its own boards, and not all those before it once more', async () => {
  await floor.db.pool.query(`insert into monitoring.board (operation_id, inspection_id, site, lot_id, model, version, calls, finished_at)
    select gen_random_uuid(), lpad(to_hex(n), 32, '0')::uuid, 'hamburg', 'LOT-2025-001', 'm', 1, 0, now() from generate_series(1, 20000) n`);
  await floor.db.pool.query('vacuum (analyze) monitoring.board');
  const after = `00000000-0000-0000-0000-${(18_000).toString(16).padStart(12, '0')}`;
  const piece = boardsAfter({ model: null, site: '*', from: null, to: null }, after);
  interface Node {
    'Node Type': string;
    'Actual Rows': number;
    'Actual Loops': number;
    'Rows Removed by Filter'?: number;
    Plans?: Node[];
  }
  const { rows } = await sql<{ 'QUERY PLAN': [{ Plan: Node }] }>`explain (analyze, format json) ${piece}`.execute(
    reads<MonitoringTables>(floor.db),
  );
  const readBy = (node: Node): number =>
    (node.Plans ?? []).reduce((sum, plan) => sum + readBy(plan), 0) +
    (node['Node Type'].includes('Scan') ? (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'] : 0);
  const plan = rows[0]?.['QUERY PLAN'][0].Plan as Node;
  assert.equal(plan['Actual Rows'], 1000);
  assert.ok(readBy(plan) <= 5000, `${readBy(plan)} rows: ${JSON.stringify(plan)}`);
});
