import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../../../test/support/database.ts';
import { adoptEvents, isOfOtherServer } from './other-server.ts';

test('events that were restored from a server with higher transaction numbers stand below the new ones, and no group loses what it has not read', async (t) => {
  const { db } = await testDatabase(t);
  const client = await db.pool.connect();
  t.after(() => client.release());
  const write = async (xid: string | null, partition: number) => {
    const { rows } = await client.query<{ seq: string }>(
      `insert into platform.outbox (xid, topic, partition, key, event_id, occurred_at, event)
       values (coalesce($1::xid8, pg_current_xact_id()), 'quality.signals', $2, 'k', gen_random_uuid(), now(), '{}') returning seq`,
      [xid, partition],
    );
    return Number(rows[0]?.seq);
  };
  const stand = (group: string, partition: number, xid: string, seq: number) =>
    client.query(
      `insert into platform.bus_position (consumer_group, topic, partition, xid, seq) values ($1, 'quality.signals', $2, $3, $4)`,
      [group, partition, xid, seq],
    );
  assert.equal(await isOfOtherServer(client), false);
  const here = await write(null, 1);
  assert.equal(await adoptEvents(client), false, 'of this server: left as it is');

  // In the order of numbers the second comes last: a group that has read up to the third has not read it.
  const [first, second, third] = [await write('9000000000', 0), await write('9000000002', 0), await write('9000000001', 0)];
  await stand('some', 0, '9000000001', third);
  await stand('all', 0, '9000000002', second);
  await stand('relay', 0, '9000000000', first);
  await stand('passed by', 1, '9000000000', first);
  assert.equal(await isOfOtherServer(client), true);
  assert.equal(await adoptEvents(client), true);
  assert.equal(await isOfOtherServer(client), false);
  const fresh = await write(null, 0);
  const unread = async (group: string) => {
    const { rows } = await client.query<{ seq: string }>(
      `select o.seq from platform.outbox o join platform.bus_position p on p.consumer_group = $1
         and (o.partition = p.partition or p.consumer_group = 'relay') and (o.xid, o.seq) > (p.xid, p.seq)
       where o.xid < pg_snapshot_xmax(pg_current_snapshot()) order by o.xid, o.seq`,
      [group],
    );
    return rows.map(({ seq }) => Number(seq));
  };
  assert.deepEqual(await unread('some'), [second, third, fresh]);
  assert.deepEqual(await unread('all'), [fresh]);
  assert.deepEqual(await unread('passed by'), [here]);
  assert.deepEqual(await unread('relay'), [here, first, second, third, fresh]);
});
