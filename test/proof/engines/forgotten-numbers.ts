import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bus } from '../../../src/platform/bus/bus.ts';
import { done } from '../../../src/platform/bus/consumer.ts';
import { openTail, type Tail } from '../../../src/platform/bus/tail.ts';
import { type Database, openDatabase } from '../../../src/platform/db/database.ts';
import { type Door, openDoor } from '../../../src/platform/db/door.ts';
import { startPostgres } from '../../../tools/servers/postgres.ts';
import { held, publish, until } from '../../contract/bus.floor.ts';
import { runCommand } from '../../support/platform.ts';
import { asking } from './checker.ts';

/**
 * Spends transaction numbers that a PostgreSQL forgets when it dies, kills it, and publishes under the same numbers: each event must reach a group of the
 * bus, and a tail, as one that was published before did.
 * @throws AssertionError when one does not
 */
export async function underForgottenNumbers(t: TestContext, openBus: (on: { db: Database; door: Door; tail: Tail }) => Bus): Promise<void> {
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
  const bus = openBus({ db, door, tail });
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
  const MS = 40_000;
  // What the bus itself commits before the end takes the numbers to the disk: then once more. It writes how far it is within a quarter of a second.
  const spent = 'begin; select pg_current_xact_id(); rollback;'.repeat(500);
  const sent: string[] = [];
  let forgotten = 0n;
  for (let round = 0; round < 10 && forgotten < 100n; round += 1) {
    sent.push(`before-${round}`);
    await publish(door, held(`before-${round}`, 1));
    await until('what was written before', () => handled.size === sent.length, MS);
    await sleep(500);
    await asking(postgres.adminUrl, (client) => client.query(spent));
    const given = await number();
    // Some looks of the tail.
    await sleep(150);
    await postgres.kill();
    await postgres.start();
    forgotten = given - (await number());
  }
  assert.ok(forgotten >= 100n, 'no number was forgotten');
  t.diagnostic(`${forgotten} numbers are given out again, after ${sent.length} deaths`);

  for (let n = 0; n < 20; n += 1) sent.push(`after-${n}`);
  for (const id of sent.slice(-20)) await publish(door, held(id, 1));
  await until('what was written after it', () => handled.size === sent.length && heard.length === sent.length, MS);
  assert.deepEqual([...handled].sort(), [...sent].sort());
  assert.deepEqual(heard, sent);
}
