import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { ENGINEER, event, MemoryFeed } from '../../test/support/memory-feed.ts';
import { type AnyEvent, EVENT_TYPES } from '../contracts/events.ts';
import type { Caller } from '../contracts/permissions.ts';
import type { StreamMessage } from '../contracts/stream.ts';
import { encoded, type Socket, StreamClient } from './client.ts';
import { SCOPE_OF, visibleTo } from './visibility.ts';

test('a slow reader is dropped when a megabyte waits, and a queue that runs over is read again from the feed', async () => {
  const feed = new MemoryFeed();
  const sent: string[] = [];
  const closes: number[] = [];
  const socket = {
    bufferedAmount: 0,
    send: (data: string | Buffer) => void sent.push(String(data)),
    close: (code: number) => void closes.push(code),
    terminate: () => undefined,
  };
  const client = new StreamClient(ENGINEER, socket as Socket, feed);
  feed.listen((entry) => client.live(encoded(entry)));
  feed.delay = 30;
  for (let at = 1; at <= 10; at++) feed.tell(event(at));
  const done = client.message(Buffer.from('{"type":"subscribe","after":"0.0"}'), false);
  await sleep(5);
  for (let at = 11; at <= 5000; at++) feed.tell(event(at));
  await done;
  const ids = sent
    .map((text) => JSON.parse(text) as StreamMessage)
    .flatMap((message) => (message.type === 'event' ? [message.event.event_id] : []));
  assert.deepEqual(
    ids,
    Array.from({ length: 5000 }, (_, at) => `e-${at + 1}`),
  );
  socket.bufferedAmount = 2 * 1024 * 1024;
  feed.tell(event(5001));
  assert.deepEqual(closes, [1013]);
});

test('who comes from a process that was ahead of this one is not told again what it has', async () => {
  const feed = new MemoryFeed();
  const sent: StreamMessage[] = [];
  const socket = { bufferedAmount: 0, send: (data: string | Buffer) => void sent.push(JSON.parse(String(data))) };
  const client = new StreamClient(ENGINEER, socket as unknown as Socket, feed);
  feed.listen((entry) => client.live(encoded(entry)));
  feed.tell(event(1));
  await client.message(Buffer.from('{"type":"subscribe","after":"3.0"}'), false);
  for (let at = 2; at <= 6; at++) feed.tell(event(at));
  assert.deepEqual(
    sent.map((message) => (message.type === 'event' ? message.event.event_id : message.type)),
    ['subscribed', 'e-4', 'e-5', 'e-6'],
  );
});

test('no caller sees an event of another site, of another station, or without the scope of its type', () => {
  const facts = fc.record({
    site: fc.constantFrom('DE1', 'US1'),
    station: fc.constantFrom('AOI-1', 'AOI-2', null),
    type: fc.constantFrom(...EVENT_TYPES),
  });
  const callers = fc.record({
    site: fc.constantFrom('DE1', 'US1', '*'),
    stationId: fc.constantFrom('AOI-1', null),
    scopes: fc.uniqueArray(fc.constantFrom('inspections:read', 'artifacts:read', 'audit:read')),
  });
  fc.assert(
    fc.property(callers, facts, (who, what) => {
      const caller = { ...ENGINEER, ...who, scopes: new Set(who.scopes) } as Caller;
      const told = { ...event(1, { site: what.site, station: what.station }), event_type: what.type } as AnyEvent;
      const seen = visibleTo(caller, {})(told);
      assert.equal(
        seen,
        caller.scopes.has(SCOPE_OF[what.type]) &&
          (who.site === '*' || who.site === what.site) &&
          (who.stationId === null || who.stationId === what.station),
      );
    }),
  );
});
