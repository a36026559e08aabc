import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { testDatabase } from '../../../test/support/database.ts';
import { checkMigrated, MigrationRefused, migrate, pending } from './migrate.ts';

async function folderWith(t: TestContext, files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-migrations-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, sql] of Object.entries(files)) await writeFile(join(folder, name), sql);
  return folder;
}
async function emptyDatabase(t: TestContext) {
  const database = await testDatabase(t);
  await database.db.pool.query('drop schema if exists platform cascade');
  return database;
}

test('files run in order, once, each whole or not at all', async (t) => {
  const { db, url } = await emptyDatabase(t);
  const folder = await folderWith(t, { '0002_b.sql': 'insert into a values (2)', '0001_a.sql': 'create table a (n int)' });
  await assert.rejects(checkMigrated({ url, folder }), /older than this program: it lacks 0001_a/);
  assert.deepEqual(await migrate({ url, folder }), [1, 2]);
  await checkMigrated({ url, folder });
  assert.deepEqual(await migrate({ url, folder }), []);
  await writeFile(join(folder, '0003_c.sql'), 'insert into a values (3); insert into nothing values (4)');
  await assert.rejects(migrate({ url, folder }), /^error: 0003_c\.sql: relation "nothing" does not exist/);
  assert.deepEqual((await db.pool.query('select * from a')).rows, [{ n: 2 }]);
  await writeFile(join(folder, '0003_c.sql'), 'insert into a values (3)');
  assert.deepEqual(await migrate({ url, folder }), [3]);
});

test('two programs that start together migrate once', async (t) => {
  const { url } = await emptyDatabase(t);
  const folder = await folderWith(t, { '0001_a.sql': 'create table a (n int); select pg_sleep(0.1)' });
  const ran = await Promise.all([migrate({ url, folder }), migrate({ url, folder }), migrate({ url, folder })]);
  assert.deepEqual(ran.flat(), [1]);
});

test('a newer database, a changed file and a late number are refused with words', () => {
  const file = (number: number, sha256 = 'x') => ({ number, name: 'n', sha256, sql: '' });
  assert.deepEqual(
    pending([file(1), file(2)], [file(1)]).map((migration) => migration.number),
    [2],
  );
  assert.throws(
    () => pending([file(1)], [file(1), file(2)]),
    (error) => error instanceof MigrationRefused && /newer than this program/.test(error.message),
  );
  assert.throws(() => pending([file(1)], [file(1, 'y')]), /was changed after it ran/);
  assert.throws(() => pending([file(1), file(2), file(3)], [file(1), file(3)]), /give it the next number/);
});
