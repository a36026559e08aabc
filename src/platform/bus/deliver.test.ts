import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testDatabase } from '../../../test/support/database.ts';
import type { AnyEvent } from '../../contracts/events.ts';
import { uuidv7 } from '../id.ts';
import { turnstile } from '../turnstile.ts';
import { type Consumer, done } from './consumer.ts';
import { deliver } from './deliver.ts';

const LIMITS = { tryMs: 100, holdMs: 150, retryDelaysMs: [] };
const never = new AbortController().signal;
const event = {
  event_id: uuidv7(),
  event_type: 'lot.held',
  schema_version: 1,
  occurred_at: new Date().toISOString(),
  trace_id: 'a'.repeat(32),
  source_service: 'test',
  site: 'S1',
  aggregate: { type: 'lot', id: 'L', version: 1 },
  payload: { lot_id: 'L', reason: 'test', by: 'test' },
} as AnyEvent;
const hand = (handle: Consumer['handle']) =>
  deliver({ group: 'g', topics: ['quality.signals'], handle }, event, turnstile(1), never, never, LIMITS);

test('what was set aside because its time was over is not applied later, when events behind it already are', async (t) => {
  const { db, door } = await testDatabase(t);
  await db.pool.query('create table effect (lot text)');
  const judged = await hand(async ({ aggregate }, { cause }) => {
    await door.changeOnce<{ effect: { lot: string } }, void>(cause, async (tx) => {
      await sleep(1500);
      await tx.insertInto('effect').values({ lot: aggregate.id }).execute();
      return { result: undefined, events: [], audit: [] };
    });
    return done;
  });
  assert.deepEqual(judged?.outcome, { kind: 'park', reason: 'Error: not done after 100 ms' });
  await sleep(800);
  const { rows } = await db.pool.query('select (select count(*)::int from effect), (select count(*)::int as known from platform.inbox)');
  assert.deepEqual(rows, [{ count: 0, known: 0 }]);
});

test('a try that was at its end when its time was over is done, and is not set aside as well', async () => {
  const judged = await hand(async () => {
    await sleep(300);
    return done;
  });
  assert.deepEqual(judged, { outcome: done, attempts: 1 });
});
