import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SETTINGS } from '../../src/settings.ts';
import { repositoryFiles, textOf } from './files.ts';

const code = repositoryFiles(/\.(ts|tsx|mjs|py|sql)$/);

test('files stay short: median at most 120 lines, nine of ten at most 300, none over 500', () => {
  const sized = code.map((file) => ({ file, lines: textOf(file).split('\n').length - 1 })).sort((one, other) => one.lines - other.lines);
  assert.ok(sized.length > 60);
  const at = (share: number) => sized[Math.floor((sized.length - 1) * share)]?.lines ?? 0;
  assert.ok(at(0.5) <= 120, `median is ${at(0.5)} lines`);
  assert.ok(at(0.9) <= 300, `nine of ten are at most ${at(0.9)} lines`);
  assert.deepEqual(
    sized.filter(({ lines }) => lines > 500),
    [],
  );
});

test('no folder is named after nothing', () => {
  const empty = repositoryFiles(/(^|\/)(utils?|helpers?|common|lib|core|misc)\//);
  assert.deepEqual(empty, []);
});

test('every room has a README of at most 40 lines', () => {
  const known = new Set(repositoryFiles(/^src\/[^/]+\//).map((file) => file.split('/').slice(0, 2).join('/')));
  const rooms = [...known].filter((room) => !['src/contracts', 'src/simulator'].includes(room));
  assert.ok(rooms.length >= 11);
  for (const room of [...rooms, 'src/simulator/boards', 'src/inference/models', 'web']) {
    const lines = textOf(`${room}/README.md`).trimEnd().split('\n').length;
    assert.ok(lines > 3 && lines <= 40, `${room}/README.md has ${lines} lines`);
  }
});

test('decisions are written down on at most a page', () => {
  const records = repositoryFiles(/^docs\/adr\/\d{4}-.*\.md$/);
  assert.ok(records.length >= 6);
  for (const record of records) assert.ok(textOf(record).split('\n').length <= 60, `${record} is longer than a page`);
});

test('every setting is in the documentation and read by somebody', () => {
  const documented = textOf('docs/settings.md');
  const readers = repositoryFiles(/^(src|bootstrap|test)\S*\.(ts|mjs)$/)
    .filter((file) => file !== 'src/settings.ts')
    .map(textOf)
    .join('\n');
  for (const name of Object.keys(SETTINGS)) {
    assert.ok(documented.includes(`| \`${name}\` |`), `${name} is not documented`);
    assert.ok(readers.includes(name), `${name} is read by nobody`);
  }
});

test('a slice writes to its own schema; what it takes of another is published by that one’s migration', () => {
  const published = new Set(
    repositoryFiles(/^migrations\/.*\.sql$/).flatMap((file) =>
      [...textOf(file).matchAll(/--\s*published[^\n]*\n(?:--[^\n]*\n)*CREATE (?:OR REPLACE )?(?:VIEW|FUNCTION) ([a-z_]+\.[a-z_]+)/g)].map(
        (found) => found[1] ?? '',
      ),
    ),
  );
  assert.ok(published.size >= 10);
  const schemas = ['identity', 'masterdata', 'intake', 'inference', 'disposition', 'monitoring', 'platform'];
  const broken: string[] = [];
  for (const file of repositoryFiles(/^src\/[a-z]+\/.*\.ts$/)) {
    const room = file.split('/')[1] ?? '';
    if (/\.test\.ts$/.test(file) || room === 'contracts' || room === 'simulator') continue;
    const text = textOf(file).replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '');
    for (const found of text.matchAll(
      /\b(?:from|join|into|update|table|insertInto|selectFrom|innerJoin|leftJoin|updateTable|deleteFrom)\b[\s('"`]+([a-z]+)\.([a-z_]+)/gi,
    )) {
      const [, schema = '', name = ''] = found;
      if (!schemas.includes(schema) || schema === room || published.has(`${schema}.${name}`)) continue;
      broken.push(`${file} uses ${schema}.${name}`);
    }
  }
  assert.deepEqual([...new Set(broken)], []);
});
