import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnyEvent } from '../../../../src/contracts/events.ts';
import { cutAt, forget, HOUR, hear, type Line, settle, tilesOf } from './line.ts';

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

test('an hour that was not read whole says so until it is over', () => {
  const line: Line = new Map();
  hear(line, told(NOW - 1000, 'completed'));
  const half = NOW - HOUR / 2;
  assert.deepEqual(
    [tilesOf(line, [], NOW)[0]?.cut, tilesOf(line, [], NOW, half)[0]?.cut, tilesOf(line, [], NOW + HOUR, half)[0]?.cut],
    [false, true, false],
  );
  assert.deepEqual([cutAt(half, NOW), cutAt(half, half + HOUR), cutAt(null, NOW)], [half, null, null]);
});

test('a board that was decided unheard no longer waits; one that begins to wait meanwhile does', () => {
  const line: Line = new Map();
  const at = [NOW - 2 * HOUR, NOW - 3 * HOUR, NOW - 4 * HOUR, NOW - HOUR / 2] as const;
  for (const posted of at) hear(line, { ...told(posted, 'awaiting_review'), occurred_at: new Date(posted).toISOString() });
  hear(line, { ...told(NOW - 5 * HOUR, 'awaiting_review'), occurred_at: new Date(NOW + 1).toISOString() });
  settle(line, new Set([idAt(at[1])]), NOW);
  assert.deepEqual(new Set(line.keys()), new Set([idAt(at[1]), idAt(at[3]), idAt(NOW - 5 * HOUR)]));
});
