import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expireMeasurements } from '../../src/intake/expire-measurements.ts';
import type { IntakeTables } from '../../src/intake/tables.ts';
import { reads } from '../../src/platform/db/database.ts';
import { isUnavailable } from '../../src/platform/db/faults.ts';
import { maintain } from '../../src/platform/db/maintenance.ts';
import { piecesBefore } from '../../src/platform/db/partitions.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';

const NOW = Date.parse('2025-01-01T00:00:00Z');
const DAY = 86_400_000;

/** An inspection of that day in a lot of its own, with two measured values and its entry in the ledger. */
async function measured({ db }: TestDatabase, lot: string, day: string, status = 'completed'): Promise<void> {
  const verdict = status === 'completed' ? `'pass'` : 'null';
  await db.pool.query(`with one as (
      insert into intake.inspection (id, site, lot_id, chip_id, inspection_type, priority, attempt, status, verdict, created_by, created_at, updated_at)
      values (gen_random_uuid(), 'hamburg', '${lot}', 'c-${day}', 'electrical', 5, 1, '${status}', ${verdict}, 'x', '${day}', '${day}') returning id),
    told as (
      insert into platform.audit (id, recorded_at, action, actor_subject, actor_name, actor_kind, object_type, object_id, trace_id)
      select gen_random_uuid(), '${day}', 'measurements.recorded', 's', 'n', 'client', 'inspection', id::text, '0' from one)
    insert into intake.measurement (id, inspection_id, characteristic, value, unit, created_at)
    select gen_random_uuid(), id, 'r', n, 'Ohm', '${day}' from one, generate_series(1, 2) n`);
}

const hold = ({ db }: TestDatabase, lot: string, state: string) =>
  db.pool.query(
    `insert into disposition.lot (site, lot_id, state, reason, decided_by) values ('hamburg', $1, $2, 'x', 'y')
     on conflict (site, lot_id) do update set state = excluded.state`,
    [lot, state],
  );
async function left({ db }: TestDatabase): Promise<string[]> {
  const { rows } = await db.pool.query(
    'select i.lot_id, count(*)::int as n from intake.measured m join intake.inspection i on i.id = m.inspection_id group by 1 order by 1',
  );
  return rows.map(({ lot_id, n }) => `${lot_id}: ${n}`);
}
const told = async ({ db }: TestDatabase) =>
  (
    await db.pool.query(
      "select old ->> 'measurements' as count, new ->> 'whole' as whole from platform.audit_entry where action = 'measurements.expired' order by id",
    )
  ).rows;

test('months that are old enough go; what a held lot or an unsettled inspection stands on stays, and so do records and the ledger', async (t) => {
  const database = await testDatabase(t);
  const { db, door } = database;
  await measured(database, 'LOT-A', '2024-01-12T12:00:00Z');
  await measured(database, 'LOT-HELD', '2024-04-12T12:00:00Z');
  await measured(database, 'LOT-B', '2024-04-12T13:00:00Z');
  await measured(database, 'LOT-WAITS', '2024-07-12T12:00:00Z', 'awaiting_review');
  await measured(database, 'LOT-C', '2024-07-12T13:00:00Z');
  await measured(database, 'LOT-NEW', '2024-12-12T12:00:00Z');
  await hold(database, 'LOT-HELD', 'held');
  await hold(database, 'LOT-B', 'released');
  await maintain(db);
  const before = (await db.pool.query('select * from platform.audit_entry order by id')).rows;
  const expire = (days: number) => expireMeasurements({ door, reads: reads<IntakeTables>(db) }, days * DAY, NOW);

  assert.equal(await expire(400), 0, 'nothing is old enough');
  assert.deepEqual(await told(database), []);
  assert.equal(await expire(60), 6);
  assert.deepEqual(await left(database), ['LOT-HELD: 2', 'LOT-NEW: 2', 'LOT-WAITS: 2']);
  assert.deepEqual(await told(database), [
    { count: '2', whole: 'true' },
    { count: '2', whole: 'false' },
    { count: '2', whole: 'false' },
  ]);
  assert.equal(await expire(60), 0, 'a second round finds nothing');
  assert.equal((await db.pool.query('select 1 from intake.inspection')).rowCount, 6);
  const after = (await db.pool.query("select * from platform.audit_entry where action <> 'measurements.expired' order by id")).rows;
  assert.deepEqual(after, before, 'the ledger has what it had');

  await hold(database, 'LOT-HELD', 'released');
  assert.equal(await expire(60), 2);
  assert.deepEqual(await left(database), ['LOT-NEW: 2', 'LOT-WAITS: 2']);
  const pieces = await piecesBefore(reads(db), 'intake.measurement', new Date('2024-06-01'));
  assert.deepEqual(pieces, [], 'the months are gone, not only empty');
});

test('a hold that comes at the same moment waits for the commit, and several processes remove once', async (t) => {
  const database = await testDatabase(t);
  const { db, door } = database;
  for (let lot = 0; lot < 5; lot += 1) await measured(database, `LOT-${lot}`, '2024-01-12T12:00:00Z');
  await maintain(db);
  /** A round gives up after 2 s of waiting for its locks: the next one does it. */
  const expire = (): Promise<number> =>
    expireMeasurements({ door, reads: reads<IntakeTables>(db) }, 60 * DAY, NOW).catch((error: unknown) => {
      if (!isUnavailable(error)) throw error;
      return expire();
    });
  const client = await db.pool.connect();
  await client.query('begin');
  await client.query("insert into disposition.lot (site, lot_id, state, reason, decided_by) values ('hamburg', 'LOT-3', 'held', 'x', 'y')");
  const removing = Promise.all([expire(), expire(), expire()]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal((await left(database)).length, 5, 'waits for the hold that is under way');
  await client.query('commit');
  client.release();
  assert.equal(
    (await removing).reduce((sum, gone) => sum + gone, 0),
    8,
  );
  assert.deepEqual(await left(database), ['LOT-3: 2']);
  assert.deepEqual(await told(database), [{ count: '8', whole: 'false' }]);
});
