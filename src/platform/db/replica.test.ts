import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import pg from 'pg';
import { testDatabase } from '../../../test/support/database.ts';
import { startPlatform } from '../../../test/support/platform.ts';
import { countTurns } from '../../../test/support/turns.ts';
import { openReplica, type Reader } from './replica.ts';

const { TEST_PRIMARY_URL: primaryUrl, TEST_REPLICA_URL: replicaUrl } = process.env;
const skip = primaryUrl && replicaUrl ? false : 'TEST_PRIMARY_URL and TEST_REPLICA_URL are not set (tools/servers/replica.sh)';
if (primaryUrl) process.env.TEST_DATABASE_URL = primaryUrl;
const standby = (verb: 'kill-standby' | 'start-standby') =>
  promisify(execFile)(fileURLToPath(new URL('../../../tools/servers/replica.sh', import.meta.url)), [verb]);

const WRITER: Reader = { scopes: new Set(['inspections:read', 'inspections:write']) };
const READER: Reader = { scopes: new Set(['inspections:read']) };

async function until(what: string, millis: number, test: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + millis; !(await test()); await sleep(20))
    assert.ok(performance.now() < end, `${what} within ${millis} ms`);
}

/** A database on the primary, and as many views of it as there are processes. */
async function pair(t: TestContext, maxLagMs = 5000) {
  const database = await testDatabase(t);
  const url = new URL(replicaUrl ?? '');
  url.pathname = new URL(database.url).pathname;
  await database.db.pool.query('create table number (n int primary key)');
  const process = () => {
    const seen = { replica: 0, primary: 0 };
    const replica = openReplica({
      primary: database.open({ poolSize: 4, overflow: 4, connectTimeoutMs: 1800 }),
      replica: { url: url.href, poolSize: 4, overflow: 4, statementTimeoutMs: 5000, connectTimeoutMs: 1800 },
      maxLagMs,
      observe: (source) => {
        seen[source] += 1;
      },
    });
    t.after(() => replica.close());
    const count = (reader: Reader) =>
      replica.lists(reader, async (on) => (await sql<{ n: number }>`select count(*)::int as n from number`.execute(on)).rows[0]?.n);
    return { replica, seen, count };
  };
  const write = (n: number) => database.db.pool.query('insert into number values ($1)', [n]);
  return { database, url, process, write };
}

test('who may write sees each own write at once, through whichever process, and the replica is what answers', { skip }, async (t) => {
  const { process, write } = await pair(t);
  const [here, there] = [process(), process()];
  await until('both are well', 20_000, () => here.replica.fault() === null && there.replica.fault() === null);
  let last = 0;
  // A standby that is more than half a second behind for a moment is passed over at once.
  while (last < 100 || (last < 2000 && here.seen.replica + there.seen.replica < 50)) {
    last += 1;
    await write(last);
    assert.equal(await (last % 2 ? here : there).count(WRITER), last);
    if (last > 100) await sleep(5);
  }
  assert.ok(here.seen.replica + there.seen.replica >= 50, JSON.stringify([here.seen, there.seen]));
  await until('level', 20_000, async () => here.replica.lagMs() === 0 && (await here.count(READER)) === last);
});

test('paused: readers get what is old up to the limit, writers the present; past the limit all are answered by the primary', {
  skip,
}, async (t) => {
  const { process, write } = await pair(t, 5000);
  const { replica, seen, count } = process();
  await until('well', 20_000, () => replica.fault() === null);
  await write(1);
  await until('replayed', 20_000, async () => (await count(READER)) === 1);
  // Not in the database of the test, which is dropped before this connection ends.
  const superuser = new pg.Client({ connectionString: replicaUrl });
  await superuser.connect();
  t.after(async () => {
    await superuser.query('select pg_wal_replay_resume()');
    await superuser.end();
  });
  await superuser.query('select pg_wal_replay_pause()');
  await until(
    'paused',
    20_000,
    async () => (await superuser.query('select pg_get_wal_replay_pause_state() as state')).rows[0].state === 'paused',
  );
  await write(2);
  assert.equal(await count(READER), 1);
  assert.equal(await count(WRITER), 2);
  await until('found behind', 20_000, () => /^\d+\.\d s behind$/.test(replica.fault() ?? ''));
  const before = seen.replica;
  assert.equal(await count(READER), 2);
  assert.equal(seen.replica, before);
  await superuser.query('select pg_wal_replay_resume()');
  await until('well again', 20_000, () => replica.fault() === null);
  assert.equal(await count(READER), 2);
  assert.equal(seen.replica, before + 1);
});

test('killed: no list waits 2 s or fails, and the replica is taken again when it is back', { skip }, async (t) => {
  const { process, write } = await pair(t);
  const { replica, seen, count } = process();
  await until('well', 20_000, () => replica.fault() === null);
  await write(1);
  let longest = 0;
  let running = true;
  const turns = countTurns(t);
  const readers = [READER, READER, WRITER].map(async (reader) => {
    while (running) {
      const began = turns();
      assert.ok((await count(reader)) !== undefined);
      longest = Math.max(longest, turns() - began);
      await sleep(1);
    }
  });
  await until('it is read', 20_000, () => seen.replica > 0);
  await standby('kill-standby');
  await until('seen to be away', 20_000, () => replica.fault() === 'it does not answer');
  const away = seen.primary;
  await until('the primary answers', 20_000, () => seen.primary > away + 10);
  await standby('start-standby');
  await until('taken again', 60_000, () => replica.fault() === null);
  const back = seen.replica;
  await until('the replica answers', 20_000, () => seen.replica > back + 10);
  running = false;
  await Promise.all(readers);
  assert.ok(longest < 20, `${longest} turns of 100 ms`);
});

test('a replica that is back from a crash a little behind is not taken for where it had been', async (t) => {
  const database = await testDatabase(t);
  // One server that says of itself what the test says, as a replica would.
  await database.db.pool.query(`create schema said; create table said.place (lsn pg_lsn); insert into said.place values ('FFFF/0');
    create function said.pg_last_wal_replay_lsn() returns pg_lsn language sql as 'select lsn from said.place'`);
  const url = new URL(database.url);
  url.searchParams.set('options', '-c search_path=said,pg_catalog,public');
  const seen: string[] = [];
  const replica = openReplica({
    primary: database.db,
    replica: { url: url.href, poolSize: 2, overflow: 0 },
    maxLagMs: 60_000,
    observe: (source) => seen.push(source),
  });
  t.after(() => replica.close());
  const ask = () => replica.lists(WRITER, (on) => sql`select 1`.execute(on));
  await until('it is well', 20_000, () => replica.fault() === null);
  for (let tries = 0; seen.at(-1) !== 'replica' && tries < 10; tries += 1) await ask();
  seen.length = 0;
  await ask();
  await database.db.pool.query("update said.place set lsn = '0/1'");
  await sleep(1200);
  await ask();
  assert.deepEqual(seen, ['replica', 'primary']);
});

test('an address that is a primary is no replica: it is not read, and said so', { skip }, async (t) => {
  const database = await testDatabase(t);
  const replica = openReplica({ primary: database.db, replica: { url: database.url, poolSize: 1, overflow: 1 }, maxLagMs: 5000 });
  t.after(() => replica.close());
  await until('found out', 20_000, () => replica.fault() === 'it is no replica');
  assert.equal(await replica.lists(READER, async (on) => (await sql<{ n: number }>`select 1 as n`.execute(on)).rows[0]?.n), 1);
});

test('the platform: a station lists what it has just posted; health and metrics show the replica', { skip }, async (t) => {
  const { database, url } = await pair(t);
  const platform = await startPlatform(t, {
    environment: { DATABASE_URL: database.url, DATABASE_READ_URL: url.href, DB_POOL_WORKERS: '4' },
  });
  const station = platform.station();
  const metrics = async () => await (await fetch(`${platform.url}/metrics`)).text();
  let read = 0;
  for (let n = 0; n < 20 || (n < 500 && read <= 10); n += 1) {
    const { id } = await station.send<{ id: string }>('POST', '/v1/inspections', {
      lot_id: 'LOT-2026-001',
      chip_id: `C-${n}`,
      inspection_type: 'visual',
    });
    const { data } = await station.get<{ data: { id: string }[] }>('/v1/inspections?lot_id=LOT-2026-001&limit=1');
    assert.equal(data[0]?.id, id);
    if (n >= 19) read = Number(/^replica_reads_total\{source="replica"\} (\d+)/m.exec(await metrics())?.[1]);
  }
  assert.ok(read > 10, (await metrics()).match(/^replica_reads.*$/gm)?.join());
  assert.match(await metrics(), /^replica_lag_seconds \d/m);
  await until('health tells', 20_000, async () => {
    const { parts } = (await (await fetch(`${platform.url}/health`)).json()) as { parts: Record<string, { status: string }> };
    return parts.replica?.status === 'ok';
  });
});
