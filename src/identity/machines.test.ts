import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { testDatabase } from '../../test/support/database.ts';
import { startIdentity } from '../../test/support/identity-server.ts';
import { ROLES } from '../contracts/permissions.ts';
import { tokenForClient } from './command-line.ts';

const cleanUps: (() => Promise<void>)[] = [];
const database = await testDatabase({ after: (cleanUp) => void cleanUps.push(cleanUp) });
const server = await startIdentity(database);
after(async () => {
  await server.stop();
  for (const cleanUp of cleanUps) await cleanUp();
});

const station = () =>
  server.credentials.clients.find((client) => client.station_id === 'AOI-HH-1') as { client_id: string; client_secret: string };
const basic = (id: string, secret: string) => ({ authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` });
const ask = (
  fields: Record<string, string> | string,
  headers: Record<string, string> = basic(station().client_id, station().client_secret),
) => fetch(server.credentials.token_endpoint, { method: 'POST', body: new URLSearchParams(fields), headers });
const claims = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
const me = (token: string) => fetch(`${server.url}/v1/me`, { headers: { authorization: `Bearer ${token}` } });

test('a station gets all that it may have without a scope, for this API without a resource', async () => {
  const response = await ask({ grant_type: 'client_credentials' });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  const body = (await response.json()) as Record<string, string>;
  assert.equal(body.token_type, 'Bearer');
  assert.equal(Number(body.expires_in), 900);
  assert.equal(body.refresh_token, undefined);
  const said = claims(body.access_token ?? '');
  assert.equal(said.scope, ROLES.inspection_station.scopes.join(' '));
  assert.equal(said.iss, server.url);
  assert.equal(said.aud, 'chip-quality-platform');
  assert.deepEqual([said.sub, said.client_id, said.site, said.station_id], ['aoi-hh-1', 'aoi-hh-1', 'hamburg', 'AOI-HH-1']);
  assert.deepEqual(said.roles, ['inspection_station']);
  assert.equal(JSON.parse(Buffer.from((body.access_token ?? '').split('.')[0] ?? '', 'base64url').toString()).typ, 'at+jwt');
  const answer = await me(body.access_token ?? '');
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), {
    subject: 'aoi-hh-1',
    name: 'aoi-hh-1',
    kind: 'client',
    roles: ['inspection_station'],
    scopes: [...ROLES.inspection_station.scopes],
    site: 'hamburg',
    station_id: 'AOI-HH-1',
  });
});

test('a client id that holds U+0000 is nobody, and no fault of the server', async () => {
  const told = await ask({ grant_type: 'client_credentials', client_id: 'aoi\u0000', client_secret: 'x' }, {});
  assert.deepEqual([told.status, ((await told.json()) as { error: string }).error], [401, 'invalid_client']);
  const asked = await fetch(`${server.url}/oidc/auth?response_type=code&client_id=%00&redirect_uri=${server.url}/callback`);
  assert.equal(asked.status, 422, 'as in every query');
});

test('every client of the credentials file gets in, and its scopes are those of the file', async () => {
  for (const client of server.credentials.clients) {
    const token = await tokenForClient({
      tokenEndpoint: server.credentials.token_endpoint,
      id: client.client_id,
      secret: client.client_secret,
    });
    assert.deepEqual(String(claims(token).scope).split(' ').sort(), [...client.scopes].sort());
  }
});

test('a client may ask for less, by Basic or in the body, and name the API as it likes', async () => {
  const { client_id, client_secret } = station();
  const few = await ask({ grant_type: 'client_credentials', scope: 'inspections:read artifacts:read' });
  assert.equal(claims(((await few.json()) as { access_token: string }).access_token).scope, 'inspections:read artifacts:read');
  assert.equal((await ask({ grant_type: 'client_credentials', client_id, client_secret }, {})).status, 200);
  for (const resource of [server.url, `${server.url}/`, 'urn:cqp:chip-quality-platform'])
    assert.equal((await ask({ grant_type: 'client_credentials', resource })).status, 200, resource);
  for (const resource of ['https://elsewhere.example', 'chip-quality-platform', `${server.url}/other`]) {
    const response = await ask({ grant_type: 'client_credentials', resource });
    assert.equal(response.status, 400, resource);
    assert.equal(((await response.json()) as { error: string }).error, 'invalid_target', resource);
  }
});

const REFUSED: [string, () => Promise<Response>, number, string][] = [
  ['wrong secret', () => ask({ grant_type: 'client_credentials' }, basic(station().client_id, 'wrong')), 401, 'invalid_client'],
  [
    'the stored hash as secret',
    async () => ask({ grant_type: 'client_credentials' }, basic('aoi-hh-1', await storedHash())),
    401,
    'invalid_client',
  ],
  [
    'secret of another client',
    () => ask({ grant_type: 'client_credentials' }, basic('aoi-hh-2', station().client_secret)),
    401,
    'invalid_client',
  ],
  ['unknown client', () => ask({ grant_type: 'client_credentials' }, basic('nobody', 'x')), 401, 'invalid_client'],
  ['a client without its secret', () => ask({ grant_type: 'client_credentials', client_id: 'aoi-hh-1' }, {}), 401, 'invalid_client'],
  ['no client', () => ask({ grant_type: 'client_credentials' }, {}), 400, 'invalid_request'],
  ['more than allowed', () => ask({ grant_type: 'client_credentials', scope: 'inspections:read audit:read' }), 400, 'invalid_scope'],
  ['a wildcard', () => ask({ grant_type: 'client_credentials', scope: 'inspections:*' }), 400, 'invalid_scope'],
  ['an identity scope', () => ask({ grant_type: 'client_credentials', scope: 'openid' }), 400, 'invalid_scope'],
  ['password grant', () => ask({ grant_type: 'password', username: 'admin', password: 'x' }), 400, 'unsupported_grant_type'],
  ['implicit as a grant', () => ask({ grant_type: 'implicit' }), 400, 'unsupported_grant_type'],
  ['no grant', () => ask({}), 400, 'invalid_request'],
  ['a code of nobody', () => ask({ grant_type: 'authorization_code', code: 'x' }), 400, 'invalid_request'],
  ['machines for a public client', () => ask({ grant_type: 'client_credentials', client_id: 'dashboard' }, {}), 400, 'invalid_request'],
  ['a parameter twice', () => ask('grant_type=client_credentials&grant_type=client_credentials' as never), 400, 'invalid_request'],
];
const storedHash = async () =>
  (await database.db.pool.query("select secret_hash from identity.client where client_id = 'aoi-hh-1'")).rows[0].secret_hash;

test('what does not hold gets the error that OAuth names, and is a security event', async () => {
  for (const [name, make, status, error] of REFUSED) {
    const seen = server.security.length;
    const response = await make();
    assert.equal(response.status, status, name);
    assert.equal(((await response.json()) as { error: string }).error, error, name);
    assert.ok(server.security.length > seen, `${name} is not in the log`);
  }
  const challenge = await ask({ grant_type: 'client_credentials' }, basic('aoi-hh-1', 'wrong'));
  assert.match(challenge.headers.get('www-authenticate') ?? '', /^Basic /);
});

test('a body that is no form is told so, and a large one is not read', async () => {
  const json = await fetch(server.credentials.token_endpoint, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json', ...basic('aoi-hh-1', station().client_secret) },
  });
  assert.equal(json.status, 400);
  assert.equal((await ask({ grant_type: 'client_credentials', more: 'x'.repeat(80_000) })).status, 400);
});

test('neither secrets nor bearer values lie in the database in plain text', async () => {
  const { rows } = await database.db.pool.query(
    'select row_to_json(c)::text as text from identity.client c union all select row_to_json(p)::text from identity.person p union all select row_to_json(s)::text from identity.sealed s union all select row_to_json(k)::text from identity.signing_key k',
  );
  const text = rows.map((row) => row.text).join('\n');
  for (const { client_secret } of server.credentials.clients) assert.equal(text.includes(client_secret), false);
  for (const { password } of server.credentials.users) assert.equal(text.includes(password), false);
  assert.equal(text.includes('"d"'), false);
});

test('a client gives its own access token back; another’s stays good', async () => {
  const [one, two] = server.credentials.clients;
  const tokenOf = (client = one) =>
    tokenForClient({ tokenEndpoint: server.credentials.token_endpoint, id: client?.client_id ?? '', secret: client?.client_secret ?? '' });
  const revoke = (token: string, client = one) =>
    fetch(`${server.url}/oidc/token/revocation`, {
      method: 'POST',
      body: new URLSearchParams({ token }),
      headers: basic(client?.client_id ?? '', client?.client_secret ?? ''),
    });
  const token = await tokenOf();
  assert.equal((await me(token)).status, 200);
  assert.equal((await revoke(token, two)).status, 200);
  assert.equal((await me(token)).status, 200, 'it was made for another client');
  const given = await revoke(token);
  assert.deepEqual([given.status, given.headers.get('content-type'), await given.text()], [200, null, '']);
  assert.equal((await me(token)).status, 401);
  assert.equal((await revoke('nonsense')).status, 200);
  const wrong = await fetch(`${server.url}/oidc/token/revocation`, {
    method: 'POST',
    body: new URLSearchParams({ token }),
    headers: basic('aoi-hh-1', 'x'),
  });
  assert.equal(wrong.status, 401);
});

test('discovery names what there is and nothing else', async () => {
  const found = (await (await fetch(`${server.url}/.well-known/openid-configuration`)).json()) as Record<string, unknown>;
  assert.equal(found.issuer, server.url);
  assert.equal(found.token_endpoint, server.credentials.token_endpoint);
  assert.deepEqual(found.response_types_supported, ['code']);
  assert.deepEqual(found.grant_types_supported, ['authorization_code', 'refresh_token', 'client_credentials']);
  assert.deepEqual(found.code_challenge_methods_supported, ['S256']);
  assert.equal(found.authorization_response_iss_parameter_supported, true);
  for (const name of [
    'registration_endpoint',
    'introspection_endpoint',
    'pushed_authorization_request_endpoint',
    'device_authorization_endpoint',
  ])
    assert.equal(found[name], undefined, name);
  const { keys } = (await (await fetch(String(found.jwks_uri))).json()) as { keys: Record<string, unknown>[] };
  assert.deepEqual(
    keys.map((key) => [key.kty, key.crv, key.alg, key.d]),
    [['EC', 'P-256', 'ES256', undefined]],
  );
});

test('addresses are made from the issuer, not from what a request says of itself', async () => {
  const response = await fetch(`${server.url.replace('localhost', '127.0.0.1')}/.well-known/openid-configuration`, {
    headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
  });
  assert.equal(response.status, 200);
  const text = await response.text();
  assert.equal(text.includes('evil.example') || text.includes('https://'), false);
});

test('what the provider does not have is 404, and a wrong method 405', async () => {
  for (const path of ['/oidc/me', '/oidc/reg', '/oidc/token/introspection', '/interaction/x', '/request'])
    assert.equal((await fetch(`${server.url}${path}`)).status, 404, path);
  const response = await fetch(server.credentials.token_endpoint);
  assert.equal(response.status, 405);
  assert.equal(response.headers.get('allow'), 'POST');
});
