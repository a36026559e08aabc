import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('main.ts', import.meta.url));

test('a command that is asked for help, or that is mistyped, does nothing but say so', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'cqp-commands-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [program, ...args], {
      env: { PATH: process.env.PATH, CQP_DATA_DIR: join(folder, 'data') },
      encoding: 'utf8',
      timeout: 60_000,
    });
  for (const command of ['serve', 'migrate', 'simulate', 'token', 'dead-letters', 'redrive']) {
    const help = run(command, '--help');
    assert.deepEqual([help.status, help.stderr], [0, ''], command);
    assert.match(help.stdout, /^usage: node src\/main\.ts/, command);
    for (const wrong of ['--nonsense', 'nonsense']) {
      const told = run(command, wrong);
      assert.equal(told.status, 2, `${command} ${wrong}: ${told.stderr}`);
      assert.match(told.stderr, /^[^\n]*nonsense[^\n]*\n$/, `${command} ${wrong}`);
    }
  }
  assert.equal(run('nonsense').status, 2);
  assert.deepEqual(readdirSync(folder), [], 'nothing was made');
});

test('a command that cannot do its work says in one line what did not answer, or which file is wrong', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'cqp-commands-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [data, wrong] = [join(folder, 'data'), join(folder, 'wrong.json')];
  mkdirSync(data);
  const nobody = 'http://127.0.0.1:9';
  const credentials = join(data, 'demo-credentials.json');
  const clients = [{ client_id: 'aoi-hh-1', client_secret: 'x' }];
  writeFileSync(credentials, JSON.stringify({ issuer: nobody, token_endpoint: `${nobody}/oidc/token`, clients, users: [] }));
  writeFileSync(wrong, '{"a":1}');
  const database = { DATABASE_URL: 'postgresql://cqp@127.0.0.1:9/cqp' };
  const away = /^The database takes no connection: connect ECONNREFUSED 127\.0\.0\.1:9\n$/;
  for (const [words, settings, ...args] of [
    [away, database, 'serve'],
    [away, database, 'migrate'],
    [away, database, 'dead-letters'],
    [away, database, 'redrive', '--all'],
    [/^CQP_DATA_DIR="[^"]*" cannot be written: a part of the path is no folder\n$/, { CQP_DATA_DIR: join(wrong, 'x') }, 'migrate'],
    [/^The platform does not answer at http:\/\/127\.0\.0\.1:9[^\n]*\n$/, {}, 'token', '--client', 'aoi-hh-1'],
    [/^The credentials cannot be read: [^\n]*nowhere[^\n]*\n$/, {}, 'simulate', '--credentials', join(folder, 'nowhere')],
    [/^[^\n]*wrong\.json holds no credentials of a platform\n$/, {}, 'simulate', '--credentials', wrong],
    [/^[^\n]*no such file or directory[^\n]*nowhere\/truth[^\n]*\n$/, {}, 'simulate', '--truth', join(folder, 'nowhere', 'truth')],
  ] as const) {
    const env = { PATH: process.env.PATH, TMPDIR: data, CQP_DATA_DIR: data, LOG_LEVEL: 'silent', ...settings };
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { env, encoding: 'utf8', timeout: 60_000 });
    assert.deepEqual([status, stdout], [1, ''], args.join(' '));
    assert.match(stderr, words, args.join(' '));
  }
  assert.deepEqual(readdirSync(data), ['demo-credentials.json'], 'nothing is left behind');
  const mistyped = spawnSync(process.execPath, [program, 'token'], { encoding: 'utf8' });
  assert.deepEqual([mistyped.status, mistyped.stdout], [2, ''], 'TOKEN=$(… token) does not hold the usage');
});
