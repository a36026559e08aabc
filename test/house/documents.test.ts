import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, textOf } from './files.ts';

test('generated documents are what their generators write', () => {
  for (const generator of ['tools/settings-doc.ts', 'tools/errors-doc.ts', 'tools/event-schemas.ts'])
    execFileSync(process.execPath, [join(root, generator), '--check'], { cwd: root, stdio: 'pipe' });
});

test('every requirement row stands once, in its form, and names a proof that exists', () => {
  const rows = textOf('docs/requirements.md')
    .split('\n')
    .filter((line) => /^\| S\d+ \|/.test(line));
  const found = new Map<number, string>();
  for (const row of rows) {
    const cells = row.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$/g, '').trim());
    assert.equal(cells.length, 4, row);
    const [number = '', , state = '', proof = ''] = cells;
    assert.match(state, /^(met|partly|open|organisational)/, row);
    const id = Number(number.slice(1));
    assert.ok(!found.has(id), `S${id} stands twice`);
    found.set(id, state);
    if (state.startsWith('partly')) assert.match(state, /^partly: .{10,}/, `S${id} says what is missing`);
    if (!state.startsWith('met') && !state.startsWith('partly')) continue;
    const paths = [...proof.matchAll(/`([^`]+)`/g)].map((path) => path[1] ?? '');
    assert.ok(paths.length > 0, `S${id} names no proof`);
    for (const path of paths) assert.ok(existsSync(join(root, path)), `S${id} names ${path}, which is not there`);
  }
  const count = (word: string) => [...found.values()].filter((state) => state.startsWith(word)).length;
  const sum = ['met', 'partly', 'open', 'organisational'].map((word) => `${count(word)} ${word}`).join(', ');
  assert.ok(textOf('docs/requirements.md').includes(`\n${sum}.\n`), sum);
  for (let id = 1; id <= 138; id += 1) assert.ok(found.has(id), `S${id} is missing`);
  for (let id = 38; id <= 59; id += 1) assert.notEqual(found.get(id), 'open', `S${id} is open`);
  assert.ok([...found.values()].filter((state) => state === 'met').length >= 45);
});
