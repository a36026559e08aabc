import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import pg from 'pg';
import { testDatabase } from '../../../test/support/database.ts';
import { countTurns } from '../../../test/support/turns.ts';
import { openDatabase, prepared } from './database.ts';
import { asProblem, isAway, isRetryable, isUnavailable } from './faults.ts';
import { parseInt8 } from './result-types.ts';

test('column values: int8 and numeric as numbers, what no double holds as text, days as text, NULL as null', async (t) => {
  const { db } = await testDatabase(t);
  const { rows } =
    await db.pool.query(`select 42::int8 as small, 9007199254740993::int8 as large, 1.25::numeric as ratio, null::int8 as nothing,
    date '2026-11-24' as day, timestamptz '2026-11-24T10:00:00.123Z' as at, '{"a":[1]}'::jsonb as doc, '7'::xid8 as xid`);
  assert.deepEqual(rows[0], {
    small: 42,
    large: '9007199254740993',
    ratio: 1.25,
    nothing: null,
    day: '2026-11-24',
    at: new Date('2026-11-24T10:00:00.123Z'),
    doc: { a: [1] },
    xid: '7',
  });
  assert.equal(parseInt8('-9007199254740991'), -9007199254740991);
});

test('no server, a closed port, a refused login: database_unavailable at once, with the cause kept for the log', async () => {
  for (const options of [{ host: '/nowhere', user: 'x', database: 'x' }, { url: 'postgresql://x@127.0.0.1:9/x' }]) {
    const db = openDatabase(options);
    let took = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 3 && took >= 2000; round += 1) {
      const began = performance.now();
      await assert.rejects(db.ping(), { code: 'database_unavailable', retryAfter: 2, message: 'Database error' });
      await assert.rejects(db.kysely.selectNoFrom((eb) => eb.val(1).as('n')).execute(), { code: 'database_unavailable' });
      took = performance.now() - began;
    }
    assert.ok(took < 2000, `${took} ms`);
    await db.close();
  }
});

test('a pool keeps 20 connections, opens 30 more and renews each within the hour, unless it is told otherwise', async () => {
  const sizes = async (options: object) => {
    const db = openDatabase({ url: 'postgresql://x@127.0.0.1:9/x', ...options });
    await db.close();
    const { min, max, maxLifetimeSeconds } = db.pool.options;
    return [min, max, maxLifetimeSeconds];
  };
  assert.deepEqual(await sizes({}), [20, 50, 3600]);
  assert.deepEqual(await sizes({ poolSize: 3, overflow: 4, recycleMs: 60_000 }), [3, 7, 60]);
});

test('a half-open connection (bytes go nowhere) is answered for within 2 s, fifty times over, and the pool heals', async (t) => {
  const { url } = await testDatabase(t);
  const target = new URL(url);
  let hole = false;
  const sockets = new Set<Socket>();
  const proxy = createServer((socket) => {
    const host = target.searchParams.get('host') ?? target.hostname;
    const server = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${target.port}`) : connect(Number(target.port), host);
    for (const one of [socket, server]) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        socket.destroy();
        server.destroy();
      });
    }
    socket.on('data', (data) => hole || server.write(data));
    server.on('data', (data) => hole || socket.write(data));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  assert.ok(address && typeof address === 'object');
  const db = openDatabase({
    host: '127.0.0.1',
    port: address.port,
    user: target.username,
    password: decodeURIComponent(target.password),
    database: target.pathname.slice(1),
  });
  t.after(async () => {
    await db.close();
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  await Promise.all(Array.from({ length: 10 }, () => db.ping()));
  hole = true;
  const turns = countTurns(t);
  for (let round = 0; round < 50; round += 1) {
    const began = turns();
    // Whatever waits for a server that is away goes on waiting: a fault that is not told as its absence is given up after some tries.
    await assert.rejects(db.ping(), (fault: unknown) => isUnavailable(fault) && isAway(fault));
    assert.ok(turns() - began < 20, `${turns() - began} turns of 100 ms`);
  }
  hole = false;
  for (const end = Date.now() + 20_000; ; ) {
    if (
      await db.ping().then(
        () => true,
        () => false,
      )
    )
      break;
    assert.ok(Date.now() < end, 'not back within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(db.pool.totalCount, db.pool.idleCount);
});

test('a statement beyond its time is cut off; it is no sign of an absent server', async (t) => {
  const { db } = await testDatabase(t, { statementTimeoutMs: 500 });
  const fault = await db.pool.query('select pg_sleep(5)').catch((error: unknown) => error);
  assert.ok(isUnavailable(fault));
  assert.ok(!isAway(fault));
  await db.ping();
});

test('sixty at once share fifty connections; a named statement is prepared once on each', async (t) => {
  const { db } = await testDatabase(t, { poolSize: 5, overflow: 5 });
  const text = prepared('test_sum', 'select $1::int + 1 as n');
  const sums = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const client = await db.pool.connect();
      try {
        return (await client.query(text, [i])).rows[0].n;
      } finally {
        client.release();
      }
    }),
  );
  assert.deepEqual(
    sums,
    Array.from({ length: 60 }, (_, i) => i + 1),
  );
  assert.ok(db.pool.totalCount <= 10);
  const { rows } = await db.pool.query("select count(*) as n from pg_prepared_statements where name = 'test_sum'");
  assert.equal(rows[0].n, 1);
});

test('faults: what a slice may judge passes as it is, the rest tells nothing of the SQL', () => {
  const fault = (code: string) => Object.assign(new pg.DatabaseError('secret table x', 1, 'error'), { code });
  assert.ok(isRetryable(fault('40001')) && isRetryable(fault('40P01')) && !isRetryable(fault('23505')));
  for (const code of ['08006', '53300', '57P01', '57014']) assert.ok(isUnavailable(fault(code)), code);
  for (const code of ['23505', '42P01', '40001']) assert.ok(!isUnavailable(fault(code)), code);
  const problem = asProblem(fault('42P01')) as Error & { code: string };
  assert.equal(problem.code, 'database_error');
  assert.equal(problem.message, 'Database error');
  const own = new Error('mine');
  assert.equal(asProblem(own), own);
});

test('a connection that was cut while it was idle is found out before it is used; one in use is not asked', async (t) => {
  const { db, open } = await testDatabase(t);
  const other = open({ poolSize: 2, overflow: 0 });
  const mine = async () => (await other.pool.query('select pg_backend_pid() as pid')).rows[0].pid as number;
  const first = await mine();
  assert.equal(await mine(), first);
  // Idle for as long as a firewall needs to forget it, as the pool sees it.
  const { now } = performance;
  t.after(() => {
    performance.now = now;
  });
  performance.now = () => now.call(performance) + 6000;
  assert.equal(await mine(), first, 'it answers and is kept');
  performance.now = () => now.call(performance) + 13_000;
  const client = (other.pool as unknown as { _idle: { client: pg.Client }[] })._idle[0]?.client as unknown as {
    connection: { stream: Socket };
  };
  // Half-open: what is sent goes nowhere and nothing comes back.
  client.connection.stream.write = () => true;
  assert.notEqual(await mine(), first);
  await db.pool.query('select pg_terminate_backend($1)', [first]);
});

test('reads from one place cost like reads in a row: a disk that turns is not assumed', async (t) => {
  const { db } = await testDatabase(t);
  assert.equal((await db.pool.query('show random_page_cost')).rows[0].random_page_cost, '1.1');
});

test('an idle connection that is lost is told in the log without what it last sent', async (t) => {
  const { db, open } = await testDatabase(t);
  const told: object[] = [];
  const other = open({ poolSize: 1, overflow: 0, log: { warn: (fields) => void told.push(fields) } });
  const { rows } = await other.pool.query('select pg_backend_pid() as pid, $1::text as word', ['a secret']);
  await db.pool.query('select pg_terminate_backend($1)', [rows[0].pid]);
  for (const end = Date.now() + 20_000; told.length === 0; await new Promise((resolve) => setTimeout(resolve, 20)))
    assert.ok(Date.now() < end);
  const [{ err }] = told as [{ err: Error }];
  assert.match(err.message, /terminating connection|Connection terminated/);
  assert.equal('client' in err, false);
  await other.ping();
});
