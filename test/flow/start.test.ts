import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { treeUse } from '../../bench/process-tree.ts';
import { freePort } from '../../src/platform/ports.ts';
import { runCommand, startPlatform } from '../support/platform.ts';
import { openSmallVolume } from '../support/small-volume.ts';

const MEBIBYTE = 1024 * 1024;
const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

test('a newcomer sees judged boards within a minute, in bounded memory, and the line goes on after a restart', {
  timeout: 240_000,
}, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'cqp-start-'));
  t.after(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 }));
  const first = await startPlatform(t, { demo: true, dataDir });
  const ready = Date.now();

  await t.test('the credentials are for their owner only and hold what the contract names', async () => {
    const file = join(dataDir, 'demo-credentials.json');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const { users, clients, issuer } = first.credentials;
    assert.equal(issuer, first.url);
    const sites = [...new Set(clients.map((client) => client.site))].filter((site) => site !== '*');
    assert.equal(sites.length, 2);
    for (const site of sites) {
      for (const role of ['quality_engineer', 'quality_manager', 'manufacturing_operator'])
        assert.ok(
          users.some((user) => user.site === site && user.roles.includes(role)),
          `${role} of ${site}`,
        );
      assert.ok(clients.filter((client) => client.site === site && client.station_id !== undefined).length >= 2);
    }
    for (const role of ['auditor', 'system_admin'])
      assert.ok(
        users.some((user) => user.site === '*' && user.roles.includes(role)),
        role,
      );
  });

  await t.test('within 60 s of ready at least 20 boards are judged, four of the first 20 of them bad', async () => {
    const admin = first.credentials.users.find((user) => user.roles.includes('system_admin'));
    const token = await first.tokenOf(admin?.username ?? '');
    let judged = 0;
    while (judged < 20 && Date.now() - ready < 60_000) {
      await pause(1000);
      const answer = await fetch(`${first.url}/v1/inspections?inspection_type=visual&limit=100`, {
        headers: { authorization: `Bearer ${token}` },
      });
      assert.equal(answer.status, 200);
      const { data } = (await answer.json()) as { data: { status: string }[] };
      judged = data.filter(({ status }) => status === 'completed' || status === 'awaiting_review').length;
    }
    t.diagnostic(`${judged} boards judged ${Math.round((Date.now() - ready) / 1000)} s after ready`);
    assert.ok(judged >= 20, `${judged} boards are judged`);
    const truths = (await readFile(join(dataDir, 'simulated-truth.ndjson'), 'utf8')).trim().split('\n').slice(0, 20);
    assert.ok(truths.filter((line) => (JSON.parse(line) as { defects: unknown[] }).defects.length > 0).length >= 4);
  });

  await t.test('the process tree without the database stays under 512 MB while the demo runs', () => {
    const { program, postgres } = treeUse(first.process.pid ?? 0);
    t.diagnostic(
      `program ${Math.round(program.memoryBytes / MEBIBYTE)} MiB, PostgreSQL ${Math.round(postgres.memoryBytes / MEBIBYTE)} MiB`,
    );
    assert.ok(program.memoryBytes > 40 * MEBIBYTE, 'the tree is measured');
    assert.ok(program.memoryBytes < 512 * MEBIBYTE);
  });

  await t.test('a second platform on the same folder says so and leaves', async () => {
    await assert.rejects(startPlatform(null, { dataDir }), /another|already|in use/i);
    assert.equal((await fetch(`${first.url}/health/ready`)).status, 200);
  });

  await t.test('SIGTERM ends it with status 0; a later start keeps secrets and records', async () => {
    assert.equal(await first.stop(), 0);
    const again = await startPlatform(t, { demo: false, dataDir });
    t.diagnostic(`ready after ${Math.round(first.readyMillis)} ms at first, ${Math.round(again.readyMillis)} ms later`);
    assert.deepEqual(
      again.credentials.clients.map((client) => client.client_secret),
      first.credentials.clients.map((client) => client.client_secret),
    );
    assert.equal(again.credentials.issuer, again.url);
    const printed = await runCommand(['token', '--client', again.credentials.clients[0]?.client_id ?? ''], { CQP_DATA_DIR: dataDir });
    assert.match(printed.trim(), /^[\w-]+\.[\w-]+\.[\w-]+$/);
    assert.equal(await again.stop(), 0);
  });
});

test('wrong settings stop the start with every fault named at once', async () => {
  await assert.rejects(runCommand(['serve'], { PORT: 'eighty', LOG_LEVEL: 'loud', DB_NAME: 'x' }), (error: Error) => {
    for (const name of ['PORT', 'LOG_LEVEL', 'DB_NAME']) assert.match(error.message, new RegExp(name));
    return true;
  });
});

test('an address, a port and a folder that the machine refuses stop the start in one line that names the setting', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'cqp-refused-'));
  const own = { CQP_DATA_DIR: dataDir, CQP_DEMO: 'off', LOG_LEVEL: 'silent', HOST: '127.0.0.1', PORT: '0' };
  const volume = openSmallVolume(1);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(async () => {
    taken.close();
    await volume?.remove();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  });
  const file = join(dataDir, 'file');
  await writeFile(file, '');
  const port = (taken.address() as AddressInfo).port;
  for (const [given, words] of [
    [{ HOST: 'no.such.host.invalid' }, 'HOST="no.such.host.invalid" '],
    [{ HOST: '203.0.113.9' }, 'HOST="203.0.113.9" is no address of this machine'],
    [{ PORT: String(port) }, `PORT=${port} is taken`],
    [{ PORT: String(port), CQP_WORKERS: '2' }, `PORT=${port} is taken`],
    [{ MODELS_DIR: '/nowhere/models' }, 'MODELS_DIR="/nowhere/models" cannot be read: there is no such folder'],
    [{ CQP_DATA_DIR: join(file, 'x') }, `CQP_DATA_DIR="${file}/x" cannot be written: a part of the path is no folder`],
    ...(volume
      ? ([[{ CQP_DATA_DIR: join(volume.folder, 'd') }, `CQP_DATA_DIR="${volume.folder}/d" cannot be written: no space`]] as const)
      : []),
  ] as const)
    await assert.rejects(runCommand(['serve'], { ...own, ...given }), ({ message }: Error) => {
      assert.ok(message.startsWith(`serve left with 1: ${words}`) && /^[^\n]*\n$/.test(message), message);
      return true;
    });
});

test('a platform whose output nobody reads any more serves all the same', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'cqp-unread-'));
  const port = await freePort();
  const env = { ...process.env, CQP_DATA_DIR: dataDir, CQP_DEMO: 'off', LOG_LEVEL: 'silent', PORT: String(port) };
  const child = spawn(process.execPath, [program, 'serve'], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const left = once(child, 'exit');
  t.after(async () => {
    child.kill();
    await left;
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  });
  let err = '';
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  child.stdout.destroy();
  const isReady = () =>
    fetch(`http://localhost:${port}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  for (const end = Date.now() + 60_000; !(await isReady()); await pause(100)) assert.ok(child.exitCode === null && Date.now() < end, err);
  await pause(500);
  assert.ok(await isReady(), err);
});

test('production refuses embedded defaults unless it is told that they are wanted', async () => {
  await assert.rejects(runCommand(['serve'], { NODE_ENV: 'production' }), /DATABASE_URL[\s\S]*IDENTITY_SECRET/);
});

test('--help names every command', async () => {
  const help = await runCommand(['--help']);
  for (const command of ['serve', 'migrate', 'simulate', 'token']) assert.match(help, new RegExp(`\\b${command}\\b`));
});
