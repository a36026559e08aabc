import assert from 'node:assert/strict';
import { test } from 'node:test';
import { healthOf, unwell } from './health.ts';

test('what is not well is named, the disk first, and a part without words of its own is not left out', () => {
  const found = unwell({
    parts: {
      bus: { status: 'degraded', detail: 'disposition is 40 s behind' },
      label_printer: { status: 'unavailable', detail: 'no paper' },
      database: { status: 'ok' },
      storage: { status: 'degraded', detail: '3.1 % of the disk is free' },
    },
  });
  assert.deepEqual(
    found.map(({ name, known }) => [name, known]),
    [
      ['storage', 'storage'],
      ['bus', 'bus'],
      ['label_printer', null],
    ],
  );
  assert.deepEqual(unwell({ parts: {} }), []);
});

test('an answer of something else in the place of the platform is a fault, and no page stands on it', () => {
  for (const answer of [null, [], 'busy', {}, { parts: null }, { parts: ['bus'] }, { status: 'ok', parts: { bus: null } }])
    assert.throws(() => healthOf(answer), JSON.stringify(answer));
  const well = { status: 'ok', parts: { bus: { status: 'ok' } } };
  assert.equal(healthOf(well), well);
});
