import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { done } from '../../src/platform/bus/consumer.ts';
import { postgresBus } from '../../src/platform/bus/postgres-bus.ts';
import { openTail } from '../../src/platform/bus/tail.ts';
import { openDatabase } from '../../src/platform/db/database.ts';
import { type Cause, type EventDraft, openDoor } from '../../src/platform/db/door.ts';
import { startPostgres } from '../../tools/servers/postgres.ts';
import { asking } from '../proof/engines/checker.ts';
import { runCommand } from '../support/platform.ts';

const cause: Cause = { actor: { subject: 'test', name: 'test', kind: 'client' }, requestId: 'r', traceId: 'a'.repeat(32) };
const held = (id: string): EventDraft => ({
  type: 'lot.held',
  site: 'S1',
  key: `S1/${id}`,
  aggregate: { type: 'lot', id, version: 1 },
  payload: { lot_id: id, reason: 'r', by: 'b' },
});

test('transaction numbers that PostgreSQL gave out, forgot when it died and gives out again: what is written under them reaches the groups', {
  skip: process.platform === 'linux' ? false : 'a PostgreSQL of its own is for Linux',
  timeout: 120_000,
}, async (t) => {
  // Nobody waits until the end of a transaction that wrote nothing reaches the disk: it goes there with the next commit, or by a process of the server
  // within 0.2 s or so. Here that process takes its time, and nothing else writes.
  const postgres = await startPostgres({
    settings: { wal_writer_delay: '10s', wal_level: 'minimal', max_wal_senders: '0', autovacuum: 'off' },
  });
  t.after(() => postgres.remove());
  await runCommand(['migrate'], { DATABASE_URL: postgres.url, NODE_ENV: 'test' });
  const db = openDatabase({ url: postgres.url, connectTimeoutMs: 15_000 });
  t.after(() => db.close());
  const tail = openTail({ db, pollMs: 20 });
  const door = openDoor({ db, source: 'test', wake: () => tail.wake() });
  const publish = (...events: EventDraft[]) => door.record(cause, { rows: [], events, audit: [] });
  const bus = postgresBus({ db, door, tail });
  /** A group that had no time to write where it is handles again. */
  const handled = new Set<string>();
  const heard: string[] = [];
  bus.subscribe({
    group: 'g',
    topics: ['quality.signals'],
    async handle({ aggregate }) {
      handled.add(aggregate.id);
      return done;
    },
  });
  tail.listen(({ entries }) => heard.push(...entries.map(({ text }) => JSON.parse(text).aggregate.id)));
  await bus.start();
  t.after(() => bus.stop());
  /** The next one that is given out. */
  const number = () =>
    asking(postgres.adminUrl, async (client) => {
      const { rows } = await client.query<{ xid: string }>('select pg_snapshot_xmax(pg_current_snapshot())::text as xid');
      return BigInt(rows[0]?.xid ?? 0);
    });
  const until = async (what: string, check: () => boolean) => {
    for (const end = Date.now() + 20_000; !check(); await sleep(20))
      assert.ok(Date.now() < end, `${what}: ${handled.size}, ${heard.length}`);
  };

  // What the bus itself commits before the end takes the numbers to the disk: then once more.
  const spent = 'begin; select pg_current_xact_id(); rollback;'.repeat(500);
  const sent: string[] = [];
  let forgotten = 0n;
  for (let round = 0; round < 10 && forgotten < 100n; round += 1) {
    sent.push(`before-${round}`);
    await publish(held(`before-${round}`));
    await until('what was written before', () => handled.size === sent.length);
    await asking(postgres.adminUrl, (client) => client.query(spent));
    const given = await number();
    // Some looks of the tail.
    await sleep(150);
    await postgres.kill();
    await postgres.start();
    forgotten = given - (await number());
    t.diagnostic(`round ${round}: ${forgotten} of ${given}`);
  }
  assert.ok(forgotten >= 100n, 'no number was forgotten');
  t.diagnostic(`${forgotten} numbers are given out again`);

  for (let n = 0; n < 20; n += 1) sent.push(`after-${n}`);
  for (const id of sent.slice(-20)) await publish(held(id));
  await until('what was written after it', () => handled.size === sent.length && heard.length === sent.length);
  assert.deepEqual([...handled].sort(), [...sent].sort());
  assert.deepEqual(heard, sent);
});
