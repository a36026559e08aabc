import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testDatabase } from '../../test/support/database.ts';
import { STATION } from '../../test/support/sample-app.ts';
import type { StreamMessage } from '../contracts/stream.ts';
import { openFeed } from '../platform/bus/feed.ts';
import { openTail } from '../platform/bus/tail.ts';
import type { Cause, EventDraft } from '../platform/db/door.ts';
import { encoded, type Socket, StreamClient } from './client.ts';

const cause: Cause = { actor: { subject: 's', name: 's', kind: 'system' }, requestId: null, traceId: 'c'.repeat(32) };
const held = (version: number): EventDraft => ({
  type: 'lot.held',
  site: 'DE1',
  key: 'DE1/L',
  aggregate: { type: 'lot', id: 'L', version },
  payload: { lot_id: 'L', reason: 'r', by: 'b' },
});

test('on the real outbox: a reader that comes back while events are written sees each once and in order', async (t) => {
  const { db, door, onCommit } = await testDatabase(t);
  const tail = openTail({ db });
  const feed = openFeed({ db, tail });
  onCommit(() => feed.wake());
  t.after(() => feed.stop());
  await feed.start();
  const start = feed.cursor();
  const write = (from: number, to: number) =>
    door.record(cause, { rows: [], events: Array.from({ length: to - from + 1 }, (_, at) => held(from + at)), audit: [] });
  await write(1, 700);
  const seen: number[] = [];
  const socket = {
    bufferedAmount: 0,
    send(data: string | Buffer) {
      const message = JSON.parse(String(data)) as StreamMessage;
      if (message.type === 'event') seen.push(message.event.aggregate.version);
    },
    close: () => undefined,
    terminate: () => undefined,
  };
  const client = new StreamClient({ ...STATION, stationId: null }, socket as Socket, feed);
  feed.listen((entry) => client.live(encoded(entry)));
  const subscribed = client.message(Buffer.from(JSON.stringify({ type: 'subscribe', after: start })), false);
  for (let at = 701; at < 900; at += 10) await write(at, at + 9);
  await subscribed;
  for (const end = Date.now() + 30_000; seen.length < 900 && Date.now() < end; ) await sleep(10);
  assert.deepEqual(
    seen,
    Array.from({ length: 900 }, (_, at) => at + 1),
  );
});
