import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
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
