import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import i18next from 'i18next';
import { de } from './de.ts';
import { en } from './en.ts';

type Tree = { [key: string]: string | Tree };
function flat(tree: Tree, path = ''): Map<string, string> {
  const out = new Map<string, string>();
  for (const [name, value] of Object.entries(tree)) {
    if (typeof value === 'string') out.set(path + name, value);
    else for (const [key, text] of flat(value, `${path}${name}.`)) out.set(key, text);
  }
  return out;
}
const english = flat(en);
const german = flat(de);
const slots = (text: string) => [...text.matchAll(/\{\{(\w+)(?:, number)?\}\}/g)].map((match) => match[1]).sort();

test('English and German hold the same keys, and neither is empty', () => {
  assert.deepEqual([...german.keys()].sort(), [...english.keys()].sort());
  for (const text of [...english.values(), ...german.values()]) assert.ok(text.trim().length > 0);
});

test('a sentence takes the same values in both languages, but for a count that one of them need not say', () => {
  for (const [key, text] of english) {
    const other = slots(german.get(key)!);
    if (key.endsWith('_one'))
      assert.deepEqual(
        other.filter((slot) => slot !== 'count'),
        slots(text).filter((slot) => slot !== 'count'),
        key,
      );
    else assert.deepEqual(other, slots(text), key);
  }
});

test('an age, which says “ago” itself, follows no “since”', () => {
  for (const [key, text] of [...english, ...german]) assert.doesNotMatch(text, /(since|seit) \{\{age\}\}/i, key);
});

test('a count is grouped as the language does it', async () => {
  const words = i18next.createInstance();
  await words.init({
    lng: 'de',
    resources: { de: { translation: de }, en: { translation: en } },
    showSupportNotice: false,
  } as Parameters<typeof i18next.init>[0]);
  assert.equal(words.t('list.rows', { count: 12_040 }), '12.040 Prüfungen');
  assert.equal(words.t('list.rows', { count: 12_040, lng: 'en' }), '12,040 inspections');
  assert.match(words.t('lots.units_some', { shown: 500, total: 3_200 }), /3\.200/);
  assert.match(words.t('wall.strip_words', { pass: 1_500, fail: 2, waiting: 0, running: 1 }), /1\.500/);
  assert.doesNotMatch(words.t('wall.strip_words', { pass: 1_500, fail: 2, waiting: 0, running: 1 }), /NaN/);
});

test('every key that the pages name exists', () => {
  const folder = join(import.meta.dirname, '..');
  const missing: string[] = [];
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.tsx?$/.test(file)) continue;
    for (const [, key] of readFileSync(join(folder, file), 'utf8').matchAll(/\bt\('([a-z_]+(?:\.[a-z_0-9]+)+)'/g)) {
      if (!english.has(key!) && !english.has(`${key}_other`)) missing.push(`${file}: ${key}`);
    }
  }
  assert.deepEqual(missing, []);
});
