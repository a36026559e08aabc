import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnyEvent } from '../../../../src/contracts/events.ts';
import { forget, HOUR, hear, type Line, tilesOf } from './line.ts';

const NOW = Date.parse('2026-03-12T12:00:00Z');
/** A UUIDv7 of a moment. */
const idAt = (at: number) => {
  const time = at.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
};
function told(at: number, status: 'awaiting_review' | 'completed'): AnyEvent {
  return {
    event_type: status === 'completed' ? 'inspection.judged' : 'inspection.waiting',
    occurred_at: new Date(NOW).toISOString(),
    site: 'DE1',
    aggregate: { type: 'inspection', id: idAt(at), version: 2 },
    payload: {
      inspection_id: idAt(at),
      lot_id: 'LOT-1',
      chip_id: 'C-1',
      station_id: 'AOI-1',
      inspection_type: 'visual',
      status,
      verdict: status === 'completed' ? 'pass' : null,
    },
  } as unknown as AnyEvent;
}

test('a board that the wall first hears of late keeps the hour in which it was posted', () => {
  const line: Line = new Map();
  hear(line, told(NOW - 3 * HOUR, 'awaiting_review'));
  hear(line, told(NOW - HOUR / 2, 'completed'));
  assert.equal(line.get(idAt(NOW - 3 * HOUR))?.created, NOW - 3 * HOUR);
  const [tile] = tilesOf(line, [], NOW);
  assert.equal(tile?.posted, 1, 'one of the two was posted in this hour');
  assert.equal(tile?.waiting, 1);
  assert.equal(tile?.lastPosted, NOW - HOUR / 2);
});

test('a judged board of an earlier hour is not counted in this one', () => {
  const line: Line = new Map();
  hear(line, told(NOW - 2 * HOUR, 'completed'));
  forget(line, NOW);
  assert.equal(line.size, 0);
});
