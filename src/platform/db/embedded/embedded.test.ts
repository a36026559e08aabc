import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { countTurns } from '../../../../test/support/turns.ts';
import { openDatabase } from '../database.ts';
import { FolderInUse, startEmbedded } from './embedded.ts';
import { isRunning, waitGone } from './processes.ts';

const OWNER = fileURLToPath(new URL('../../../../test/support/embedded-owner.ts', import.meta.url));
const linux = process.platform === 'linux';
const root = linux && process.getuid?.() === 0;
let folder = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cqp-embedded-'));
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function ask(address: pg.ClientConfig, sql: string): Promise<unknown[]> {
  const client = new pg.Client(address);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** A process that owns a server, and what it says: where the server is, or why there is none. */
async function owner(args: string[], prefix: string[] = []): Promise<{ child: ChildProcess; said: pg.ClientConfig & { error?: string } }> {
  const [file = '', ...rest] = [...prefix, process.execPath, OWNER, ...args];
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env.PATH ?? '', HOME: '/nowhere' } });
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return { child, said: JSON.parse(text) };
}
const ended = (child: ChildProcess): Promise<unknown> =>
  child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((resolve) => child.once('exit', resolve));

const postmaster = async (dataDir: string): Promise<number> =>
  Number((await readFile(join(dataDir, 'cluster', 'data', 'postmaster.pid'), 'utf8')).split('\n')[0]);
const parentOf = (pid: number): number =>
  Number(
    readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) \S /, '')
      .split(' ')[0],
  );

/** A server and its processes. */
const familyOf = (server: number): number[] => [
  server,
  ...spawnSync('ps', ['-o', 'pid=', '--ppid', String(server)], { encoding: 'utf8' })
    .stdout.trim()
    .split(/\s+/)
    .map(Number),
];

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // A short-lived worker of the server's own.
    }
  }
}

test('first start, stop, second start: the data is there, the second start is quick, one platform a folder', async () => {
  const first = await startEmbedded({ dataDir: folder });
  await ask(first.address, 'create table kept (n int); insert into kept values (1)');
  assert.deepEqual(await ask(first.address, "select rolsuper from pg_roles where rolname = 'cqp'"), [{ rolsuper: false }]);
  await assert.rejects(startEmbedded({ dataDir: folder }), FolderInUse);
  const { child, said } = await owner([folder]);
  assert.match(said.error ?? '', /Another platform \(process \d+, since .*\) works in this data directory/);
  await ended(child);
  assert.equal(child.exitCode, 3);
  await first.stop();
  let took = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3 && took >= 2000; round += 1) {
    const began = performance.now();
    const second = await startEmbedded({ dataDir: folder });
    took = Math.min(took, performance.now() - began);
    assert.deepEqual(await ask(second.address, 'select n from kept'), [{ n: 1 }]);
    await second.stop();
  }
  assert.ok(took < 2000, `second start took ${took} ms`);
});

test('kill -9 of the platform: the server ends by itself, and what was committed is there', { skip: !linux && 'reads /proc' }, async () => {
  const { child, said } = await owner([folder]);
  const server = await postmaster(folder);
  await ask(said, 'insert into kept values (2)');
  child.kill('SIGKILL');
  assert.ok(await waitGone(server, 10_000), 'the server outlived its platform');
  const next = await startEmbedded({ dataDir: folder });
  assert.deepEqual(await ask(next.address, 'select n from kept order by n'), [{ n: 1 }, { n: 2 }]);
  await next.stop();
});

test('kill -9 of platform and keeper: the next start ends the server that is left and takes over', {
  skip: !linux && 'reads /proc',
}, async () => {
  const { child, said } = await owner([folder]);
  const server = await postmaster(folder);
  await ask(said, 'insert into kept values (3)');
  process.kill(child.pid ?? 0, 'SIGSTOP');
  process.kill(parentOf(server), 'SIGKILL');
  // The keeper's other half waits on the pipe of the platform: it would end the server too.
  for (const line of spawnSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).stdout.split('\n')) {
    if (line.includes('postgres-keeper') && line.includes(join(folder, 'cluster'))) process.kill(Number.parseInt(line, 10), 'SIGKILL');
  }
  process.kill(child.pid ?? 0, 'SIGKILL');
  await ended(child);
  await sleep(100);
  assert.ok(isRunning(server), 'nobody was left to end it');
  const next = await startEmbedded({ dataDir: folder });
  assert.ok(!isRunning(server));
  assert.deepEqual(await ask(next.address, 'select count(*)::int as n from kept'), [{ n: 3 }]);
  await next.stop();
});

test('kill -9 of the platform of a server that is frozen whole: the next start ends all of it, and nothing of another folder', {
  skip: !linux && 'reads /proc',
}, async (t) => {
  const elsewhere = await mkdtemp(join(tmpdir(), 'cqp-embedded-'));
  const other = await startEmbedded({ dataDir: elsewhere });
  // Were one of that server's processes ended, it would end every session.
  const session = new pg.Client(other.address);
  session.on('error', () => {});
  await session.connect();
  t.after(async () => {
    await session.end().catch(() => {});
    await other.stop();
    await rm(elsewhere, { recursive: true, force: true });
  });
  const { child } = await owner([folder]);
  const family = familyOf(await postmaster(folder));
  t.after(() => signalAll(family.filter(isRunning), 'SIGKILL'));
  assert.ok(family.length > 3);
  signalAll(family, 'SIGSTOP');
  child.kill('SIGKILL');
  await ended(child);
  const next = await startEmbedded({ dataDir: folder });
  assert.deepEqual(family.filter(isRunning), []);
  assert.deepEqual(await ask(next.address, 'select count(*)::int as n from kept'), [{ n: 3 }]);
  assert.deepEqual((await session.query('select 1 as n')).rows, [{ n: 1 }]);
  await next.stop();
});

test('a server that dies alone is started again; a frozen one is answered for within 2 s', { skip: !linux && 'signals' }, async (t) => {
  const turns = countTurns(t);
  const server = await startEmbedded({ dataDir: folder });
  const db = openDatabase({ ...server.address, statementTimeoutMs: 20_000 });
  try {
    await db.ping();
    const victim = await postmaster(folder);
    process.kill(victim, 'SIGKILL');
    await waitGone(victim, 5_000);
    for (const end = Date.now() + 60_000; ; await sleep(50)) {
      const answer = await db.pool.query('select count(*)::int as n from kept').catch((error: { code: string }) => error);
      if ('rows' in answer) {
        assert.deepEqual(answer.rows, [{ n: 3 }]);
        // A session of the dead server may answer once more before it notices.
        if ((await postmaster(folder).catch(() => victim)) !== victim) break;
      } else assert.equal(answer.code, 'database_unavailable');
      assert.ok(Date.now() < end, 'the server did not come back');
    }
    const all = familyOf(await postmaster(folder));
    // A slow statement is no dead server.
    assert.equal((await db.pool.query('select 1 as n, pg_sleep(1.5)')).rows[0]?.n, 1);
    signalAll(all, 'SIGSTOP');
    try {
      const began = turns();
      const faults = await Promise.all(
        Array.from({ length: 60 }, () =>
          db.kysely
            .transaction()
            .execute(async (tx) => await tx.selectNoFrom((eb) => eb.val(1).as('n')).execute())
            .catch((error: { code: string }) => error.code),
        ),
      );
      assert.deepEqual(new Set(faults), new Set(['database_unavailable']));
      assert.ok(turns() - began < 23, `answered after ${turns() - began} turns of 100 ms`);
      const again = performance.now();
      await assert.rejects(db.ping(), { code: 'database_unavailable' });
      assert.ok(performance.now() - again < 1000, 'while it is known to be away, at once');
    } finally {
      signalAll(all, 'SIGCONT');
    }
    for (const end = Date.now() + 20_000; ; await sleep(50)) {
      if (
        await db.ping().then(
          () => true,
          () => false,
        )
      )
        break;
      assert.ok(Date.now() < end, 'not back within 5 s');
    }
    assert.ok(db.pool.totalCount <= 50);
    assert.equal(db.pool.totalCount, db.pool.idleCount);
  } finally {
    await db.close();
    await server.stop();
  }
});

test('an ordinary user, and root without user namespaces', { skip: !root && 'needs root' }, async (t) => {
  for (const [name, prefix, args] of [
    ['ordinary', ['setpriv', '--reuid=12345', '--regid=12345', '--clear-groups'], []],
    ['nobody', [], ['nobody']],
  ] as const) {
    const place = await mkdtemp(join(tmpdir(), `cqp-${name}-`));
    t.after(() => rm(place, { recursive: true, force: true }));
    if (name === 'ordinary') await chown(place, 12345, 12345);
    else await chmod(place, 0o755);
    const { child, said } = await owner([join(place, 'data'), ...args], [...prefix]);
    assert.equal(said.error, undefined, said.error);
    if (name === 'nobody') assert.deepEqual(await ask(said, 'select 1 as n'), [{ n: 1 }]);
    const server = await postmaster(join(place, 'data'));
    child.kill('SIGKILL');
    assert.ok(await waitGone(server, 10_000));
  }
});

test('files of another major version are refused with words', async () => {
  const file = join(folder, 'cluster', 'data', 'PG_VERSION');
  await writeFile(file, '17\n');
  await assert.rejects(startEmbedded({ dataDir: folder }), /made by PostgreSQL 17; the embedded server is 18/);
  await writeFile(file, '18\n');
});
