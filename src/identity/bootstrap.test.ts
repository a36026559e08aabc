import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { testDatabase } from '../../test/support/database.ts';
import { startIdentity } from '../../test/support/identity-server.ts';
import { freePorts } from '../platform/ports.ts';
import { demoToken, tokenForClient } from './command-line.ts';
import { identity } from './index.ts';

test('keys, accounts and secrets survive a restart on another port; the file has the new address', async (t) => {
  const database = await testDatabase(t);
  const dataDir = await mkdtemp(join(tmpdir(), 'cqp-identity-'));
  const first = await startIdentity(database, { dataDir });
  const keysOf = async (url: string) => (await fetch(`${url}/oidc/jwks`)).json();
  const keys = await keysOf(first.url);
  const audits = async () =>
    (await database.db.pool.query("select count(*)::int as n from platform.audit where action = 'identity.bootstrapped'")).rows[0].n;
  const made = await audits();
  await first.stop();
  const second = await startIdentity(database, { dataDir });
  t.after(async () => {
    await second.stop();
    await rm(dataDir, { recursive: true });
  });
  assert.notEqual(second.url, first.url);
  assert.deepEqual(await keysOf(second.url), keys);
  assert.equal(await audits(), made, 'nothing is made twice');
  assert.equal(made, 8 + 12 + 1);
  assert.equal(second.credentials.issuer, second.url);
  assert.equal(second.credentials.token_endpoint, `${second.url}/oidc/token`);
  assert.deepEqual(second.credentials.users, first.credentials.users);
  assert.deepEqual(second.credentials.clients, first.credentials.clients);
  const file = join(dataDir, 'demo-credentials.json');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.match(await demoToken(file, { client: 'THM-PG-1' }), /^ey/);
  assert.match(await demoToken(file, { user: 'manager.penang' }), /^ey/);
  await assert.rejects(demoToken(file, { user: 'nobody' }), /there are engineer\.hamburg/);
});

test('the credentials file says what the contract promises', async (t) => {
  const database = await testDatabase(t);
  const server = await startIdentity(database);
  t.after(() => server.stop());
  const { users, clients, audience } = server.credentials;
  assert.equal(audience, 'chip-quality-platform');
  for (const site of ['hamburg', 'penang']) {
    const roles = users.filter((user) => user.site === site).flatMap((user) => user.roles);
    assert.deepEqual(roles.sort(), ['manufacturing_operator', 'quality_engineer', 'quality_manager']);
    assert.ok(clients.filter((client) => client.site === site && client.station_id !== undefined).length >= 2);
    assert.equal(clients.filter((client) => client.site === site && client.station_id === undefined).length, 1);
  }
  assert.deepEqual(
    users
      .filter((user) => user.site === '*')
      .flatMap((user) => user.roles)
      .sort(),
    ['auditor', 'system_admin'],
  );
  assert.equal(
    new Set([...users.map((user) => user.password), ...clients.map((client) => client.client_secret)]).size,
    users.length + clients.length,
  );
  for (const { password } of users) assert.match(password, /^[a-z2-9]{5}(-[a-z2-9]{5}){3}$/);
  for (const { client_secret } of clients) assert.equal(Buffer.from(client_secret, 'base64url').length, 32);
});

test('four processes that start at once on an empty database make one set of keys and accounts', async (t) => {
  const database = await testDatabase(t);
  const servers = await Promise.all(
    (await freePorts(4)).map((port) => startIdentity(database, { port, secret: 'a secret that all of them know' })),
  );
  t.after(() => Promise.all(servers.map((server) => server.stop())).then(() => {}));
  const [one, ...others] = servers.map((server) => server.credentials.clients);
  for (const other of others) assert.deepEqual(other, one);
  const { rows } = await database.db.pool.query('select count(*)::int as n from identity.signing_key');
  assert.equal(rows[0].n, 1);
});

test('keys that were sealed with another secret stop the start, in words', async (t) => {
  const database = await testDatabase(t);
  const server = await startIdentity(database, { secret: 'the first secret' });
  t.after(() => server.stop());
  await assert.rejects(startIdentity(database, { secret: 'another secret' }), /IDENTITY_SECRET/);
});

test('a token given back in one process is refused in another within seconds', async (t) => {
  const database = await testDatabase(t);
  const one = await startIdentity(database, { secret: 's' });
  t.after(() => one.stop());
  const client = one.credentials.clients[0];
  const token = await tokenForClient({
    tokenEndpoint: one.credentials.token_endpoint,
    id: client?.client_id ?? '',
    secret: client?.client_secret ?? '',
  });
  const login = Buffer.from(`${client?.client_id}:${client?.client_secret}`).toString('base64');
  await fetch(`${one.url}/oidc/token/revocation`, {
    method: 'POST',
    body: new URLSearchParams({ token }),
    headers: { authorization: `Basic ${login}` },
  });
  const other = identity({
    db: database.db,
    door: database.door,
    log: { warn: () => {} } as never,
    baseUrl: () => one.url,
    audience: 'chip-quality-platform',
    dataDir: one.dataDir,
    secret: 's',
    demo: false,
  });
  await other.background.start();
  t.after(() => other.background.stop());
  await assert.rejects(async () => other.authenticate(token), /bearer token/);
});
