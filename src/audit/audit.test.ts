import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testDatabase } from '../../test/support/database.ts';
import { STATION } from '../../test/support/sample-app.ts';
import { type AuditAction, AuditPage } from '../contracts/audit.ts';
import type { Caller } from '../contracts/permissions.ts';
import type { Cause } from '../platform/db/door.ts';
import { type AppOptions, createApp } from '../platform/http/app.ts';
import { contractSchemas } from '../platform/http/schemas.ts';
import { bodyChecker } from '../platform/http/validation.ts';
import { audit } from './index.ts';

const AUDITOR: Caller = {
  ...STATION,
  subject: 'u-9',
  kind: 'person',
  name: 'ada',
  roles: ['auditor'],
  stationId: null,
  site: '*',
  scopes: new Set(['audit:read']),
};
const CALLERS: Record<string, Caller> = {
  all: AUDITOR,
  de1: { ...AUDITOR, site: 'DE1' },
  none: { ...AUDITOR, scopes: new Set(['inspections:read']) },
};
const cause = (name: string): Cause => ({
  actor: { subject: `sub-${name}`, name, kind: 'person' },
  requestId: 'r-1',
  traceId: 'a'.repeat(32),
});

async function ledger(t: TestContext, options: Partial<AppOptions> = {}) {
  const database = await testDatabase(t);
  await database.db.pool.query(`insert into masterdata.site (code, name, time_zone) values ('DE1', 'a', 'UTC'), ('US1', 'b', 'UTC')`);
  const write = (who: string, action: AuditAction, site: string | null, type: string, id: string, reason: string | null = null) =>
    database.door.record(cause(who), {
      rows: [],
      events: [],
      audit: [{ action, site, object: { type, id }, old: null, new: { state: 'x' }, reason }],
    });
  await write('eva', 'lot.held', 'DE1', 'lot', 'DE1/LOT-2025-001', '=HYPERLINK("x")');
  await write('max', 'lot.held', 'US1', 'lot', 'US1/LOT-2025-001');
  await write('eva', 'lot.released', 'DE1', 'lot', 'DE1/LOT-2025-001', 'fine');
  await write('max', 'identity.bootstrapped', null, 'installation', 'one');
  const app = await createApp({ authenticate: (token) => CALLERS[token] ?? assert.fail(token), ...options });
  await audit({ db: database.db }).routes?.(app);
  app.get('/v1/others', { config: { permission: 'audit:read' } }, async () => ({}));
  await app.ready();
  t.after(() => app.close());
  const get = (query: string, who = 'all', headers: Record<string, string> = {}) =>
    app.inject({ url: `/v1/audit${query}`, headers: { authorization: `Bearer ${who}`, ...headers } });
  const others = () => app.inject({ url: '/v1/others', headers: { authorization: 'Bearer all' } });
  return { get, others, database };
}

test('entries come newest first, in pages without a hole, in the shape of the contract, and only with the scope', async (t) => {
  const { get } = await ledger(t);
  const fits = bodyChecker(AuditPage, contractSchemas());
  const actions: string[] = [];
  let cursor = '';
  for (let pages = 0; pages < 4; pages++) {
    const page = (await get(`?limit=1${cursor && `&cursor=${cursor}`}`)).json();
    assert.deepEqual(fits(page), []);
    actions.push(page.data[0].action);
    assert.equal(page.has_more, pages < 3);
    cursor = page.next_cursor;
  }
  assert.deepEqual(actions, ['identity.bootstrapped', 'lot.released', 'lot.held', 'lot.held']);
  assert.equal((await get('', 'none')).statusCode, 403);
  assert.equal((await get('?cursor=nonsense')).statusCode, 422);
  for (const made of ['ffffffff-ffff-ffff-ffff-ffffffffffff', '00000000-0000-0000-0000-000000000000', '-'.repeat(36), 7, null]) {
    const { statusCode } = await get(`?cursor=${Buffer.from(JSON.stringify(made)).toString('base64url')}`);
    assert.ok([200, 422].includes(statusCode), `${made}: ${statusCode}`);
  }
  for (const span of ['from=0000-01-01T00:00:00%2B23:59', 'to=9999-12-31T23:59:59-23:59'])
    assert.equal((await get(`?${span}`)).statusCode, 200, span);
});

test('a reader of one site sees the entries of that site, one of all sites every one', async (t) => {
  const { get } = await ledger(t);
  const sites = async (who: string) => (await get('', who)).json().data.map((entry: { site: string | null }) => entry.site);
  assert.deepEqual(await sites('de1'), ['DE1', 'DE1']);
  assert.deepEqual(await sites('all'), [null, 'DE1', 'US1', 'DE1']);
  assert.deepEqual((await get('?object=US1/LOT-2025-001', 'de1')).json().data, []);
});

test('each filter narrows the list', async (t) => {
  const { get } = await ledger(t);
  const count = async (query: string) => (await get(query)).json().data.length;
  assert.equal(await count('?object=DE1/LOT-2025-001'), 2);
  assert.equal(await count('?object=lot:DE1/LOT-2025-001'), 2);
  assert.equal(await count('?object=defect:DE1/LOT-2025-001'), 0);
  assert.equal(await count('?object=LOT-2025-001'), 3, 'a lot by its own name, at every site');
  assert.equal(await count('?object=lot:LOT-2025-001'), 3);
  assert.equal(await count('?object=lot-2025-001'), 3, 'names of lots are upper-cased, here as everywhere');
  assert.equal(await count('?actor=eva'), 2);
  assert.equal(await count('?actor=sub-max'), 2);
  assert.equal(await count('?action=lot.held'), 2);
  const past = new Date(Date.now() - 60_000).toISOString();
  const future = new Date(Date.now() + 60_000).toISOString();
  assert.equal(await count(`?from=${past}&to=${future}`), 4);
  assert.equal(await count(`?to=${past}`), 0);
  assert.equal(await count(`?from=${future}`), 0);
  assert.equal((await get(`?from=${future}&to=${past}`)).statusCode, 422);
  assert.equal((await get('?action=lot.eaten')).statusCode, 422);
  assert.equal((await get('?from=yesterday')).statusCode, 422);
  for (const nul of ['object=%00', 'object=lot:%00', 'actor=%00']) assert.equal((await get(`?${nul}`)).statusCode, 422, nul);
});

test('an entry is found by its id in either case, and by the time that it shows', async (t) => {
  const { get, database } = await ledger(t);
  const id = '01a21ed4-c5a6-7123-b6eb-9bb052816523';
  await database.db.pool.query(
    `insert into platform.audit (id, recorded_at, action, actor_subject, actor_name, actor_kind, site, object_type, object_id, trace_id)
     values ($1::uuid, '2026-11-27T20:00:00.123789Z', 'inspection.created', 's', 'n', 'client', 'DE1', 'inspection', $1::text, '0')`,
    [id],
  );
  const found = async (query: string) => (await get(`?object=${id}&${query}`)).json().data.length;
  assert.equal((await get(`?object=${id}`)).json().data[0].recorded_at, '2026-11-27T20:00:00.123Z');
  assert.equal(await found('from=2026-11-27T20:00:00.123Z&to=2026-11-27T20:00:00.123Z'), 1);
  assert.equal(await found('to=2026-11-27T20:00:00.122Z'), 0);
  assert.equal(await found('from=2026-11-27T20:00:00.124Z'), 0);
  for (const object of [id.toUpperCase(), `inspection:${id.toUpperCase()}`])
    assert.equal((await get(`?object=${object}`)).json().data.length, 1, object);
});

test('the same list is a file, and a reason that is a formula is a text there', async (t) => {
  const { get } = await ledger(t);
  const file = await get('?actor=eva', 'all', { accept: 'text/csv' });
  assert.match(String(file.headers['content-type']), /^text\/csv/);
  const lines = file.body.trim().split('\r\n');
  assert.equal(lines.length, 3);
  assert.match(lines[0] ?? '', /^id,recorded_at,action,actor,/);
  assert.match(file.body, /'=HYPERLINK/);
  assert.match(file.body, /"\{""state"":""x""\}"/);
});

test('years of entries: pages go through all months without a hole, and a subject is found under each of its names', async (t) => {
  const { get, database } = await ledger(t);
  // One entry a day for 400 days, under a name that changed on the way; one whose clock was two days off; one of another who bears the first name.
  await database.db.pool.query(`insert into platform.audit (id, recorded_at, action, actor_subject, actor_name, actor_kind, site, object_type, object_id, trace_id)
    select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '70008' || lpad(n::text, 15, '0'))::uuid,
      at + case when n = 30 then interval '2 days' else interval '0' end, 'lot.held', 's-old', case when n < 200 then 'ann' else 'anna' end,
      'person', 'DE1', 'lot', 'L-' || n, '0'
    from generate_series(1, 400) n, lateral (select now() - make_interval(days => n) as at) as of_day`);
  await database.db.pool.query(`insert into platform.audit (id, recorded_at, action, actor_subject, actor_name, actor_kind, site, object_type, object_id, trace_id)
    values ('01890000-0000-7000-8000-000000000000', '2023-06-28T00:00:00Z', 'lot.held', 's-other', 'ann', 'person', 'DE1', 'lot', 'L-0', '0')`);
  const all = async (query: string) => {
    const objects: string[] = [];
    for (let cursor = ''; ; ) {
      const page = (await get(`?limit=100${query}${cursor}`)).json();
      objects.push(...page.data.map((one: { object: { id: string } }) => one.object.id));
      if (!page.has_more) return objects;
      cursor = `&cursor=${page.next_cursor}`;
    }
  };
  const days = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => `L-${from + at}`);
  assert.deepEqual((await all('')).slice(4), [...days(1, 400), 'L-0']);
  assert.deepEqual(await all('&actor=s-old'), days(1, 400));
  assert.deepEqual(await all('&actor=anna'), days(200, 400));
  assert.deepEqual(await all('&actor=ann'), [...days(1, 199), 'L-0']);
  assert.deepEqual(await all('&object=L-250'), ['L-250']);
  assert.deepEqual(await all('&actor=nobody'), []);
});

test('however busy the platform is, the trail is shown; its export waits like others', async (t) => {
  // The smallest delay of the event loop counts as far too much.
  const { get, others } = await ledger(t, { maxDelayMs: 1e-9 });
  const until = Date.now() + 20_000;
  while ((await others()).statusCode !== 503) {
    assert.ok(Date.now() < until, 'reads are not shed');
    await sleep(50);
  }
  assert.equal((await get('')).statusCode, 200);
  while ((await get('', 'all', { accept: 'text/csv' })).statusCode !== 503) {
    assert.ok(Date.now() < until, 'an export is not shed');
    await sleep(50);
  }
});

test('a rare action is found by an index that what creates and runs write is not in', async (t) => {
  const { get, database } = await ledger(t);
  const { pool } = database.db;
  await pool.query(`insert into platform.audit (id, action, actor_subject, actor_name, actor_kind, site, object_type, object_id, trace_id)
    select gen_random_uuid(), 'inspection.created', 's', 's', 'client', 'DE1', 'inspection', n::text, '0' from generate_series(1, 20000) n`);
  await pool.query('vacuum (analyze) platform.audit');
  const { rows } = await pool.query(`explain select * from platform.audit_entry where action = 'lot.released' order by id desc limit 21`);
  assert.match(JSON.stringify(rows), /Index Cond: \(action = 'lot.released'/);
  const { data } = (await get('?action=lot.released')).json();
  assert.deepEqual(
    data.map(({ action }: { action: string }) => action),
    ['lot.released'],
  );
  const { rows: size } = await pool.query(
    `select sum(reltuples)::int as entries from pg_class where oid in (select inhrelid from pg_inherits where inhparent = 'platform.audit_rare_action'::regclass)`,
  );
  assert.ok(size[0].entries < 100, `${size[0].entries} entries`);
});
