import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { test } from 'node:test';
import { repositoryFiles, textOf } from './files.ts';

const SLICES = [
  'audit',
  'disposition',
  'gateway',
  'identity',
  'inference',
  'intake',
  'masterdata',
  'monitoring',
  'realtime',
  'reports',
  'spc',
];
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

function roomOf(file: string): string {
  const [top, second] = file.split('/');
  return top === 'src' ? (file.split('/').length === 2 ? `src/${second}` : (second ?? '')) : (top ?? '');
}

function importsOf(file: string): string[] {
  return [...textOf(file).matchAll(IMPORT)].map((found) => found[1] ?? found[2] ?? found[3] ?? '');
}

/** Rooms that a room may import besides itself. Npm packages and node: are open to all but `contracts`. */
function mayImport(room: string, isTest: boolean): (target: string) => boolean {
  const also = isTest ? ['test'] : [];
  if (room === 'contracts') return (target) => ['contracts', ...also].includes(target);
  if (room === 'platform') return (target) => ['platform', 'contracts', ...also].includes(target);
  if (room === 'station-client') return (target) => ['station-client', 'contracts', ...also].includes(target);
  if (room === 'simulator') return (target) => ['simulator', 'station-client', 'contracts', ...also].includes(target);
  if (room === 'web') return (target) => ['web', 'contracts'].includes(target);
  if (SLICES.includes(room)) return (target) => [room, 'platform', 'contracts', ...also].includes(target);
  if (room === 'src/services.ts') return (target) => [...SLICES, 'platform', 'contracts', 'src/config.ts'].includes(target);
  if (room === 'src/config.ts') return (target) => target === 'src/settings.ts';
  if (room === 'src/settings.ts') return () => false;
  return () => true;
}

const sources = repositoryFiles(/^(src|web)\/.*\.(ts|tsx)$/);

test('a room imports only what the plan of the house allows, without exceptions', () => {
  assert.ok(sources.length > 50, 'the sources are found');
  const broken: string[] = [];
  for (const file of sources) {
    const room = roomOf(file);
    const allowed = mayImport(room, /\.test\.tsx?$/.test(file));
    for (const specifier of importsOf(file)) {
      if (!specifier.startsWith('.')) {
        if (room === 'contracts' && specifier !== 'typebox' && !/\.test\.ts$/.test(file)) broken.push(`${file} imports ${specifier}`);
        continue;
      }
      const target = roomOf(posix.normalize(posix.join(posix.dirname(file), specifier)));
      if (target !== room && !allowed(target)) broken.push(`${file} imports ${specifier}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('every folder of src is a known room, so that a new one is put on the plan', () => {
  const rooms = new Set(sources.filter((file) => file.startsWith('src/') && file.split('/').length > 2).map(roomOf));
  for (const room of rooms)
    assert.ok([...SLICES, 'contracts', 'platform', 'simulator', 'station-client'].includes(room), `src/${room} is not on the plan`);
});

test('the environment is read in config.ts alone', () => {
  const readers = sources.filter((file) => file.startsWith('src/') && !/\.test\.ts$/.test(file) && /process\.env\b/.test(textOf(file)));
  assert.deepEqual(
    readers.filter((file) => file !== 'src/config.ts'),
    [],
  );
});
