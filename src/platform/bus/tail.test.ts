import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testDatabase } from '../../../test/support/database.ts';
import type { EventType } from '../../contracts/events.ts';
import { type Cause, type EventDraft, openDoor } from '../db/door.ts';
import { done } from './consumer.ts';
import { postgresBus } from './postgres-bus.ts';
import { openTail } from './tail.ts';

const cause: Cause = { actor: { subject: 'test', name: 'test', kind: 'client' }, requestId: 'r', traceId: 'a'.repeat(32) };
const held = (id: string, version: number, type: 'lot.held' | 'lot.released' = 'lot.held'): EventDraft => ({
  type,
  site: 'S1',
  key: `S1/${id}`,
  aggregate: { type: 'lot', id, version },
  payload: { lot_id: id, reason: 'r', by: 'b' },
});

async function opened(t: Parameters<typeof testDatabase>[0]) {
  const { db } = await testDatabase(t);
  const tail = openTail({ db, pollMs: 20 });
  const door = openDoor({ db, source: 'test', wake: () => tail.wake() });
  const publish = (...events: EventDraft[]) => door.record(cause, { rows: [], events, audit: [] });
  await tail.start();
  t.after(() => tail.stop());
  return { db, door, tail, publish };
}
const nameOf = (text: string) => {
  const { aggregate } = JSON.parse(text);
  return `${aggregate.id}.${aggregate.version}`;
};
async function until(what: string, check: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !check(); await sleep(5)) assert.ok(Date.now() < end, what);
}

test('first versions that nobody wants are passed over in a batch that reaches behind them; later versions come all the same', async (t) => {
  const { tail, publish } = await opened(t);
  const seen: string[] = [];
  const follows: unknown[] = [];
  const wanted: EventType[] = ['lot.released'];
  tail.listen(
    ({ entries }) => {
      seen.push(...entries.map(({ text }) => nameOf(text)));
      follows.push(...entries.map((entry) => entry.follows));
    },
    () => wanted,
  );
  // More than one look brings.
  const before = tail.position();
  await publish(...Array.from({ length: 1200 }, (_, n) => held(`N${n}`, 1)));
  await publish(held('N7', 2), held('N8', 1, 'lot.released'));
  await until('what is wanted', () => seen.length === 2);
  assert.deepEqual(seen, ['N7.2', 'N8.1']);
  assert.deepEqual(follows, [true, true]);
  assert.ok(tail.position().xid > before.xid);
});

test('who begins to want something gets what is written from then on, also when a look was under way that was not to bring it', async (t) => {
  const { db, publish } = await opened(t);
  const seen: string[] = [];
  let wanted: EventType[] = [];
  let meanwhile = async () => {};
  const connect = async () => {
    const work = meanwhile;
    meanwhile = async () => {};
    await work();
    return await db.pool.connect();
  };
  const tail = openTail({ db: { ...db, pool: { connect } } as never, pollMs: 20 });
  tail.listen(
    ({ entries }) => seen.push(...entries.map(({ text }) => nameOf(text))),
    () => wanted,
  );
  await tail.start();
  t.after(() => tail.stop());
  // The next look knows what nobody wants, and has not read yet.
  const turned = new Promise<void>((resolve) => {
    meanwhile = async () => {
      wanted = ['lot.held'];
      await publish(held('L', 1));
      resolve();
    };
  });
  await turned;
  await until('what was written in between', () => seen.includes('L.1'));
});

test('what is left out does not wait: the lag of a group that wants none of it goes to nothing, and stays there behind what it handles', async (t) => {
  const { db, door, tail, publish } = await opened(t);
  const bus = postgresBus({ db, door, tail });
  const handled: string[] = [];
  bus.subscribe({
    group: 'g',
    topics: ['quality.signals'],
    types: ['lot.released'],
    async handle({ aggregate }) {
      handled.push(aggregate.id);
      return done;
    },
  });
  await bus.start();
  t.after(() => bus.stop());
  const waiting = async () => (await bus.lag()).find(({ group }) => group === 'g')?.events;
  const quiet = async () => {
    for (const end = Date.now() + 10_000; (await waiting()) !== 0; await sleep(50)) assert.ok(Date.now() < end, `${await waiting()} wait`);
  };
  await publish(...Array.from({ length: 30 }, (_, n) => held(`L${n}`, 1)));
  await quiet();
  for (let n = 0; n < 20; n += 1) await publish(held(`M${n}`, 1, 'lot.released'), held(`N${n}`, 1), held(`O${n}`, 1));
  await quiet();
  assert.equal(handled.length, 20);
});
