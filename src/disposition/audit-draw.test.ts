import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uuidv7 } from '../platform/id.ts';
import { drawnForAudit } from './audit-draw.ts';

test('the draw is the same each time, another with another seed, and grows with the share', () => {
  const ids = Array.from({ length: 2000 }, () => uuidv7());
  for (const id of ids.slice(0, 100)) {
    assert.equal(drawnForAudit(id, 0.02, 's'), drawnForAudit(id, 0.02, 's'));
    assert.equal(drawnForAudit(id, 0, 's'), false);
    assert.equal(drawnForAudit(id, 1, 's'), true);
    if (drawnForAudit(id, 0.2, 's')) assert.equal(drawnForAudit(id, 0.6, 's'), true);
  }
  assert.notDeepEqual(
    ids.filter((id) => drawnForAudit(id, 0.1, 'one')),
    ids.filter((id) => drawnForAudit(id, 0.1, 'other')),
  );
});

test('the share that is drawn is the share that was asked for, within five sigma of 50,000', () => {
  const n = 50_000;
  for (const share of [0.02, 0.3]) {
    let drawn = 0;
    for (let count = 0; count < n; count += 1)
      if (drawnForAudit(`00000000-0000-7000-8000-${String(count).padStart(12, '0')}`, share, '1')) drawn += 1;
    assert.ok(Math.abs(drawn - n * share) < 5 * Math.sqrt(n * share * (1 - share)), `${drawn} of ${n} at ${share}`);
  }
});
