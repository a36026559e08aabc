import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { testDatabase } from '../../../test/support/database.ts';
import { maintain } from './maintenance.ts';
import { migrate } from './migrate.ts';
import { piecesBefore } from './partitions.ts';

const MIGRATIONS = fileURLToPath(new URL('../../../migrations', import.meta.url));
const AT = '2026-01-31T23:59:59.999Z';
const entry = (
  id: string,
  at: string,
) => `insert into platform.audit (id, recorded_at, action, actor_subject, actor_name, actor_kind, object_type, object_id, trace_id)
  values ('${id}', '${at}', 'lot.held', 's', 'n', 'system', 'lot', 'x', '0')`;
const ID = (n: number) => `01a20e9b-0d24-70ad-9bd0-be3ae9ebe00${n}`;

test('the month of now and the next three are there from the start, and a far one is made when its rows are caught', async (t) => {
  const { db } = await testDatabase(t);
  const months = async () => (await piecesBefore(db.kysely, 'platform.audit', new Date('2200-01-01'))).map(({ relation }) => relation);
  // The template may be of the month before.
  await maintain(db);
  const before = await months();
  assert.ok(before.length >= 4);
  assert.ok(before.includes(`platform.audit_${new Date().toISOString().slice(0, 7).replace('-', '_')}`));
  await db.pool.query(entry(ID(1), '2031-05-31T23:59:59.999Z'));
  await db.pool.query(entry(ID(2), '2031-06-01T00:00:00Z'));
  assert.equal((await db.pool.query('select 1 from platform.audit_rest')).rowCount, 2);
  assert.equal((await maintain(db)).made, 2);
  assert.deepEqual(
    (await months()).filter((name) => !before.includes(name)),
    ['platform.audit_2031_05', 'platform.audit_2031_06'],
  );
  assert.equal((await db.pool.query('select 1 from platform.audit_rest')).rowCount, 0);
  assert.equal((await db.pool.query('select 1 from platform.audit_2031_06')).rowCount, 1);
  assert.equal((await maintain(db)).made, 0);
});

test('no piece of the ledger takes an update, a delete or a truncate, caught rows or not', async (t) => {
  const { db } = await testDatabase(t);
  await db.pool.query(entry(ID(1), '2031-05-01T00:00:00Z'));
  const refused = async (relation: string) => {
    for (const sql of [`update ${relation} set reason = 'y'`, `delete from ${relation}`, `truncate ${relation}`])
      await assert.rejects(db.pool.query(sql), { code: '42501' }, sql);
  };
  await refused('platform.audit_rest');
  await maintain(db);
  await refused('platform.audit_2031_05');
  for (const { relation } of await piecesBefore(db.kysely, 'platform.audit', new Date('2200-01-01')))
    await assert.rejects(db.pool.query(`truncate ${relation}`), { code: '42501' });
  await assert.rejects(db.pool.query('truncate platform.audit_rest'), { code: '42501' });
  assert.equal((await db.pool.query('select 1 from platform.audit_entry')).rowCount, 1);
});

test('a database of the version before keeps what it holds: its rows are the first piece, and new ones find months', async (t) => {
  const { db, url } = await testDatabase(t);
  const { rows: schemas } = await db.pool.query<{ name: string }>(
    `select nspname as name from pg_namespace where nspname !~ '^(pg_|information_schema$|public$|_?timescaledb)'`,
  );
  for (const { name } of schemas) await db.pool.query(`drop schema ${name} cascade`);
  const older = await mkdtemp(join(tmpdir(), 'cqp-older-'));
  t.after(() => rm(older, { recursive: true }));
  for (const file of (await readdir(MIGRATIONS)).filter((name) => name < '0007')) await cp(join(MIGRATIONS, file), join(older, file));
  await migrate({ url, folder: older });
  await db.pool.query(entry(ID(1), AT));
  await db.pool.query(`insert into intake.inspection (id, site, lot_id, chip_id, inspection_type, priority, attempt, created_by, created_at, updated_at)
    values ('${ID(2)}', 'a', 'l', 'c', 'electrical', 5, 1, 'x', '${AT}', '${AT}')`);
  const measured = (id: string, at: string) =>
    db.pool.query(
      `insert into intake.measurement (id, inspection_id, characteristic, value, unit, created_at) values ('${id}', '${ID(2)}', 'r', 1, 'Ohm', '${at}')`,
    );
  await measured(ID(3), AT);
  await migrate({ url, folder: MIGRATIONS });
  const next = new Date();
  next.setUTCMonth(next.getUTCMonth() + 1, 15);
  await db.pool.query(entry(ID(4), next.toISOString()));
  await measured(ID(5), next.toISOString());
  const { rows } = await db.pool.query(`select (select array_agg(id order by id) from platform.audit_entry) as audit,
    (select array_agg(id order by id) from intake.measured) as measured, (select count(*)::int from platform.audit_rest) as caught`);
  assert.deepEqual(rows[0], { audit: [ID(1), ID(4)], measured: [ID(3), ID(5)], caught: 0 });
  for (const relation of ['platform.audit', 'platform.audit_past'])
    for (const sql of [`update ${relation} set reason = 'y'`, `delete from ${relation}`, `truncate ${relation}`])
      await assert.rejects(db.pool.query(sql), { code: '42501' }, sql);
  await assert.rejects(measured(ID(3), AT), { code: '23505' });
  await assert.rejects(
    db.pool.query(
      `insert into intake.measurement (id, inspection_id, characteristic, value, unit, created_at) values ('${ID(6)}', '${ID(7)}', 'r', 1, 'Ohm', now())`,
    ),
    { code: '23503' },
  );
});
