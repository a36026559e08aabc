import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { testDatabase } from '../../../test/support/database.ts';
import { maintain } from './maintenance.ts';
import { migrate } from './migrate.ts';
import { dropPiece, piecesBefore } from './partitions.ts';

const url = process.env.TEST_TIMESCALE_URL;
const skip = url ? false : 'TEST_TIMESCALE_URL is not set (tools/servers/timescale.sh)';
if (url) process.env.TEST_DATABASE_URL = url;

const INSPECTION = '01a20e9b-0d24-70ad-9bd0-be3ae9ebe002';
const measured = (n: number, at: string) => `insert into intake.measurement (id, inspection_id, characteristic, value, unit, created_at)
  values ('01a20e9b-0d24-70ad-9bd0-be3ae9ebe1${String(n).padStart(2, '0')}', '${INSPECTION}', 'width', ${n}, 'mm', '${at}')`;
const inspected = `insert into intake.inspection (id, site, lot_id, chip_id, inspection_type, priority, attempt, created_by, created_at, updated_at)
  values ('${INSPECTION}', 'a', 'l', 'c', 'dimensional', 5, 1, 'x', now(), now())`;

test('measurements are a hypertable with their key, their reference and their views; the ledger is none', { skip }, async (t) => {
  const { db } = await testDatabase(t);
  // The template may be of the month before.
  await maintain(db);
  const { rows } = await db.pool.query(
    `select hypertable_schema || '.' || hypertable_name as name from timescaledb_information.hypertables`,
  );
  assert.deepEqual(rows, [{ name: 'intake.measurement' }]);
  await db.pool.query(inspected);
  await db.pool.query(measured(1, '2026-01-10T10:00:00Z'));
  await db.pool.query(measured(3, '2026-01-10T10:59:00Z'));
  await assert.rejects(db.pool.query(measured(1, '2026-01-10T10:00:00Z')), { code: '23505' });
  await assert.rejects(db.pool.query(measured(5, '2026-01-10T10:00:00Z').replace(INSPECTION, INSPECTION.replace('01a', '01b'))), {
    code: '23503',
  });
  assert.equal((await db.pool.query('select 1 from intake.measured where inspection_id = $1', [INSPECTION])).rowCount, 2);
  const { rows: hours } = await db.pool.query('select * from intake.measured_hourly');
  assert.deepEqual(hours, [
    {
      hour: new Date('2026-01-10T10:00:00Z'),
      characteristic: 'width',
      unit: 'mm',
      count: 2,
      mean: 2,
      least: 1,
      greatest: 3,
      sigma: Math.SQRT2,
    },
  ]);
  assert.equal((await maintain(db)).made, 0);
  const { rows: plan } = await db.pool.query(
    `explain select * from intake.measurement where inspection_id = '${INSPECTION}' and created_at >= now() and created_at < now() + interval '1 day'`,
  );
  assert.doesNotMatch(JSON.stringify(plan), /Seq Scan/);
});

test('drop_chunks takes a chunk of measurements, and is refused for the ledger', { skip }, async (t) => {
  const { db } = await testDatabase(t);
  await db.pool.query(inspected);
  await db.pool.query(measured(1, '2025-01-10T10:00:00Z'));
  await db.pool.query(measured(2, '2025-06-10T10:00:00Z'));
  await db.pool.query(`insert into platform.audit (id, recorded_at, action, actor_subject, actor_name, actor_kind, object_type, object_id, trace_id)
    values ('${INSPECTION}', '2025-01-10T10:00:00Z', 'lot.held', 's', 'n', 'system', 'lot', 'x', '0')`);
  await assert.rejects(db.pool.query("select drop_chunks('platform.audit', older_than => now())"), /not a hypertable/);
  const pieces = await piecesBefore(db.kysely, 'intake.measurement', new Date('2025-04-01'));
  assert.equal(pieces.length, 1);
  for (const piece of pieces) await dropPiece(db.kysely, 'intake.measurement', piece);
  assert.deepEqual((await db.pool.query('select value from intake.measured')).rows, [{ value: 2 }]);
  assert.equal((await db.pool.query('select 1 from platform.audit_entry')).rowCount, 1);
});

test('a second migrate changes nothing; a database where plain rows are takes them along', { skip }, async (t) => {
  const { db, url: address } = await testDatabase(t);
  const folder = fileURLToPath(new URL('../../../migrations', import.meta.url));
  await db.pool.query(inspected);
  await db.pool.query(measured(1, '2025-01-10T10:00:00Z'));
  assert.deepEqual(await migrate({ url: address, folder }), []);
  // As a plain server would have left it: partitions with rows, met by a server that has the extension.
  await db.pool.query(`begin;
    alter table intake.measurement rename to hyper;
    create table intake.measurement (like intake.hyper including defaults, constraint plain_key primary key (id, created_at),
      constraint plain_inspection foreign key (inspection_id) references intake.inspection) partition by range (created_at);
    create index plain_of_inspection on intake.measurement (inspection_id, id);
    create table intake.measurement_rest partition of intake.measurement default;
    insert into intake.measurement select * from intake.hyper;
    create or replace view intake.measured as select id, inspection_id, characteristic, value, unit, lsl, usl, target, created_at from intake.measurement;
    create or replace view intake.measured_hourly as select date_bin('1 hour', created_at, '2000-01-01 00:00+00') as hour, characteristic, unit, count(*) as count,
      avg(value) as mean, min(value) as least, max(value) as greatest, stddev_samp(value) as sigma from intake.measurement group by 1, 2, 3;
    drop table intake.hyper;
    commit`);
  const told: string[] = [];
  await migrate({ url: address, folder, log: { info: (message) => told.push(message) } });
  assert.deepEqual(told, ['intake.measurement is a hypertable']);
  assert.deepEqual((await db.pool.query('select value from intake.measured')).rows, [{ value: 1 }]);
  assert.equal((await db.pool.query('select 1 from intake.measured_hourly')).rowCount, 1);
  await assert.rejects(db.pool.query(measured(1, '2025-01-10T10:00:00Z')), { code: '23505' });
});
