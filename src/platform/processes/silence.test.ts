import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countSilence } from './silence.ts';

test('a process is quiet, then lost, by the questions in a row that it does not answer; any word begins a new count', () => {
  const silence = countSilence({ everyMs: 1000, quiet: 2, most: 4 });
  const ask = (times: number) => Array.from({ length: times }, () => silence.ask());
  assert.deepEqual(ask(4), ['there', 'there', 'quiet', 'quiet']);
  silence.heard();
  assert.deepEqual(ask(5), ['there', 'there', 'quiet', 'quiet', 'lost']);
});
