import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import pg from 'pg';
import { testDatabase } from '../../test/support/database.ts';
import { startIdentity } from '../../test/support/identity-server.ts';
import { freePort } from '../platform/ports.ts';

test('an outside provider takes the place of the built-in one: its tokens count, no key and no account is made here', async (t) => {
  const { publicKey, privateKey } = await generateKeyPair('PS256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'o1', alg: 'PS256', use: 'sig' };
  let issuer = '';
  let fetches = 0;
  const provider = createServer((request, response) => {
    fetches += 1;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.url === '/certs' ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/certs` }));
  });
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  const database = await testDatabase(t);
  const server = await startIdentity(database, { outside: { issuer, jwksUrl: null } });
  t.after(() => server.stop());
  const token = (claims: Record<string, unknown> = {}) =>
    new SignJWT({
      scope: 'openid',
      preferred_username: 'inspector',
      azp: 'app',
      realm_access: { roles: ['quality_manager'] },
      site: 'hamburg',
      ...claims,
    })
      .setProtectedHeader({ alg: 'PS256', typ: 'JWT', kid: 'o1' })
      .setIssuer(issuer)
      .setAudience('chip-quality-platform')
      .setSubject('f00d')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey);
  const me = async (bearer: string) => fetch(`${server.url}/v1/me`, { headers: { authorization: `Bearer ${bearer}` } });
  const answer = await me(await token());
  assert.equal(answer.status, 200);
  const said = (await answer.json()) as { name: string; kind: string; scopes: string[] };
  assert.deepEqual([said.name, said.kind, said.scopes.includes('lots:disposition')], ['inspector', 'person', true]);
  const named = async (claims: Record<string, unknown>) => ((await (await me(await token(claims))).json()) as { name: string }).name;
  const anonymous = { preferred_username: undefined, client_id: 'app' };
  assert.equal(await named({ ...anonymous, name: 'Ada Lovelace' }), 'Ada Lovelace');
  assert.equal(await named(anonymous), 'f00d', 'a person is not called by the app that they use');
  assert.equal(await named({ ...anonymous, client_id: 'f00d', azp: 'press', realm_access: undefined, scope: 'inspections:read' }), 'f00d');
  assert.equal(await named({ ...anonymous, client_id: undefined, azp: 'press', station_id: 'P-1' }), 'press');
  await new Promise((resolve) => provider.close(resolve));
  provider.closeAllConnections();
  assert.equal((await me(await token({ jti: 'later' }))).status, 200, 'the issuer is away, its keys are known');
  assert.equal(fetches, 2);
  assert.equal((await fetch(`${server.url}/.well-known/openid-configuration`)).status, 404);
  const { rows } = await database.db.pool.query(
    'select (select count(*) from identity.signing_key) + (select count(*) from identity.person) as n',
  );
  assert.equal(Number(rows[0].n), 0);
});

test('while the outside provider cannot be reached tokens are 503 with words, and health says why', async (t) => {
  const database = await testDatabase(t);
  const issuer = `http://127.0.0.1:${await freePort()}`;
  const server = await startIdentity(database, { outside: { issuer, jwksUrl: null } });
  t.after(() => server.stop());
  for (const token of ['a', 'b']) {
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: token })).toString('base64url');
    const answer = await fetch(`${server.url}/v1/me`, { headers: { authorization: `Bearer ${header}.e30.AAAA` } });
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get('retry-after'), '5');
    const { error, detail } = (await answer.json()) as { error: { code: string }; detail: string };
    assert.equal(error.code, 'service_unavailable');
    assert.match(detail, /identity provider is out of reach/);
  }
  assert.deepEqual(await server.identity.parts?.identity?.(), {
    status: 'degraded',
    detail: `the keys of ${issuer} cannot be fetched: fetch failed (ECONNREFUSED)`,
  });
});

test('while the database is away tokens that are known still hold, and new ones are 503 with Retry-After', async (t) => {
  const database = await testDatabase(t);
  const server = await startIdentity(database);
  t.after(() => server.stop());
  const client = server.credentials.clients[0];
  const login = Buffer.from(`${client?.client_id}:${client?.client_secret}`).toString('base64');
  const ask = () =>
    fetch(server.credentials.token_endpoint, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
      headers: { authorization: `Basic ${login}` },
    });
  const { access_token } = (await (await ask()).json()) as { access_token: string };
  const me = (token: string) => fetch(`${server.url}/v1/me`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await me(access_token)).status, 200);
  const late = ((await (await ask()).json()) as { access_token: string }).access_token;
  const address = new URL(database.url);
  const name = address.pathname.slice(1);
  address.pathname = '/postgres';
  const admin = new pg.Client({ connectionString: address.href });
  await admin.connect();
  await admin.query(`alter database "${name}" with allow_connections false`);
  await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
  await admin.end();
  const refused = await ask();
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.equal(((await refused.json()) as { error: string }).error, 'temporarily_unavailable');
  assert.equal((await me(access_token)).status, 200);
  assert.equal((await me(late)).status, 200, 'the keys are known, so a token that was never seen is judged as well');
  const page = await fetch(
    `${server.url}/oidc/auth?response_type=code&client_id=dashboard&redirect_uri=${encodeURIComponent(`${server.url}/callback`)}&scope=openid&code_challenge=${'a'.repeat(43)}&code_challenge_method=S256`,
    { redirect: 'manual' },
  );
  assert.equal(page.status, 503);
});
