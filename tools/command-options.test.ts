import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = (tool: string, ...args: string[]) =>
  spawnSync(process.execPath, [tool, ...args], { cwd: root, encoding: 'utf8', timeout: 60_000 });

test('a mistyped option ends a tool, a proof or a measurement in one line, with status 2', () => {
  for (const tool of ['tools/evaluate.ts', 'tools/errors-doc.ts', 'test/run.ts', 'test/proof/kill.ts', 'bench/run.ts', 'bench/load.ts']) {
    const { status, stdout, stderr } = run(tool, '--nonsense');
    assert.deepEqual([status, stdout], [2, ''], tool);
    assert.match(stderr, /^[^\n]*--nonsense[^\n]*\n$/, tool);
  }
  const own = globSync(['tools/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'], { cwd: root }).filter(
    (file) => !file.includes('command-options'),
  );
  const bare = own.filter((file) => /\bparseArgs\(/.test(readFileSync(`${root}/${file}`, 'utf8')));
  assert.deepEqual(bare, [], 'these print the inside of Node in place of a line');
});

test('a choice that is not there is refused before anything is measured', () => {
  for (const [tool, ...args] of [
    ['bench/run.ts', '--sides', 'control,nonsense'],
    ['bench/growth.ts', '--only', 'nonsense'],
  ] as const) {
    const { status, stdout, stderr } = run(tool, ...args);
    assert.deepEqual([status, stdout], [2, ''], tool);
    assert.match(stderr, /nonsense/);
  }
});

test('a file that is not there is named with its option', () => {
  for (const [option, file, tool, ...args] of [
    ['--data', 'nowhere/manifest.json', 'tools/evaluate.ts', '--data', 'nowhere'],
    ['--data', 'nowhere/manifest.json', 'tools/good-boards.ts', '--data', 'nowhere'],
    ['--credentials', 'nowhere.json', 'bench/load.ts', '--url', 'http://localhost:1'],
  ] as const) {
    const { status, stderr } = run(tool, ...args, ...(option === '--credentials' ? [option, file] : []));
    assert.deepEqual([status, stderr], [2, `${option}: ${file} cannot be read (ENOENT)\n`], tool);
  }
});
