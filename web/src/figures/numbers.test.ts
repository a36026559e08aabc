import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formats } from './numbers.ts';

const local = (day: number, hour: number) => new Date(2026, 2, day, hour, 3).toISOString();

test('a time of another day says which day', () => {
  const { clock } = formats('en');
  const now = Date.parse(local(12, 18));
  assert.equal(clock(local(12, 14), now), '14:03');
  assert.match(clock(local(10, 14), now), /10.*14:03/);
  assert.match(formats('de').clock(local(10, 14), now), /10\. März.*14:03/);
  assert.equal(clock(null, now), '-');
});

test('steps carry their date where the day changes', () => {
  const { step } = formats('en');
  assert.equal(step(local(10, 15), local(10, 14)), '15:03:00');
  assert.match(step(local(12, 9), local(10, 15)), /Mar 12, 2026/);
});
