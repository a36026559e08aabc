import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { testDatabase } from '../../test/support/database.ts';
import { Browser, startIdentity } from '../../test/support/identity-server.ts';
import { ALL_SCOPES, ROLES } from '../contracts/permissions.ts';
import { tokenForUser } from './command-line.ts';

const cleanUps: (() => Promise<void>)[] = [];
const database = await testDatabase({ after: (cleanUp) => void cleanUps.push(cleanUp) });
const server = await startIdentity(database);
after(async () => {
  await server.stop();
  for (const cleanUp of cleanUps) await cleanUp();
});

const CALLBACK = `${server.url}/callback`;
const claims = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
const passwordOf = (username: string): string => server.credentials.users.find((user) => user.username === username)?.password ?? '';
const post = (path: string, fields: Record<string, string>) =>
  fetch(`${server.url}${path}`, { method: 'POST', body: new URLSearchParams(fields) });
type Tokens = { access_token: string; refresh_token: string; id_token: string; scope: string; error?: string };
const tokensOf = async (response: Response): Promise<Tokens> => (await response.json()) as Tokens;

function request(more: Record<string, string | undefined> = {}) {
  const verifier = randomBytes(32).toString('base64url');
  const fields: Record<string, string | undefined> = {
    response_type: 'code',
    client_id: 'dashboard',
    redirect_uri: CALLBACK,
    scope: ['openid', 'profile', 'offline_access', ...ALL_SCOPES].join(' '),
    state: 'st',
    nonce: 'no',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  };
  const url = new URL('/oidc/auth', server.url);
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) url.searchParams.set(name, value);
  return { url, verifier };
}

/** From the authorization request to the answer in the address of the callback. */
async function signIn(username: string, more: Record<string, string | undefined> = {}, browser = new Browser()) {
  const { url, verifier } = request(more);
  const shown = await browser.follow(await browser.open(url), CALLBACK);
  if (shown.address.href.startsWith(CALLBACK)) return { answer: shown.address.searchParams, verifier, browser, page: undefined };
  const page = await shown.response.text();
  const { address } = await browser.follow(await browser.open(shown.address, { username, password: passwordOf(username) }), CALLBACK);
  return { answer: address.searchParams, verifier, browser, page };
}
const redeem = (code: string, verifier: string, more: Record<string, string> = {}) =>
  post('/oidc/token', {
    grant_type: 'authorization_code',
    client_id: 'dashboard',
    redirect_uri: CALLBACK,
    code,
    code_verifier: verifier,
    ...more,
  });
const refresh = (token: string, more: Record<string, string> = {}) =>
  post('/oidc/token', { grant_type: 'refresh_token', client_id: 'dashboard', refresh_token: token, ...more });
async function tokens(username: string, more: Record<string, string | undefined> = {}, browser = new Browser()): Promise<Tokens> {
  const { answer, verifier } = await signIn(username, more, browser);
  return tokensOf(await redeem(answer.get('code') ?? '', verifier));
}

test('a person signs in on a page without scripts, and the code says who issued it', async () => {
  const { answer, verifier, page } = await signIn('engineer.hamburg');
  assert.equal(answer.get('iss'), server.url);
  assert.equal(answer.get('state'), 'st');
  assert.ok(page?.includes('<label for="username">') && page.includes('autocomplete="current-password"'));
  assert.equal(/<script|https?:\/\/(?!localhost)/.test(page ?? ''), false);
  const got = await tokensOf(await redeem(answer.get('code') ?? '', verifier));
  const said = claims(got.access_token);
  assert.deepEqual(said.roles, ['quality_engineer']);
  assert.equal(said.scope, ALL_SCOPES.filter((scope) => (ROLES.quality_engineer.scopes as readonly string[]).includes(scope)).join(' '));
  assert.equal(said.preferred_username, 'engineer.hamburg');
  assert.equal(said.site, 'hamburg');
  const identity = claims(got.id_token);
  assert.deepEqual(
    [identity.aud, identity.nonce, identity.preferred_username, identity.sub],
    ['dashboard', 'no', 'engineer.hamburg', said.sub],
  );
  const me = (token: string) => fetch(`${server.url}/v1/me`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await me(got.access_token)).status, 200);
  assert.equal((await me(got.id_token)).status, 401, 'an id token is no access token');
  assert.equal((await me(got.refresh_token)).status, 401);
});

test('everybody of the credentials file gets in with the scopes of their role, also from the command line', async () => {
  for (const { username, password, roles, site } of server.credentials.users) {
    const said = claims(await tokenForUser({ issuer: server.url, username, password }));
    assert.deepEqual(said.roles, roles);
    assert.equal(said.site, site);
    const [role] = roles as (keyof typeof ROLES)[];
    assert.deepEqual(String(said.scope).split(' ').sort(), [...ROLES[role as keyof typeof ROLES].scopes].sort(), username);
  }
  await assert.rejects(tokenForUser({ issuer: server.url, username: 'admin', password: 'wrong' }), /not right/);
});

test('the same person is the same subject, whatever the case of the name', async () => {
  const { url } = request();
  const browser = new Browser();
  const shown = await browser.follow(await browser.open(url), CALLBACK);
  const back = await browser.open(shown.address, { username: ' Operator.HAMBURG', password: passwordOf('operator.hamburg') });
  assert.equal(back.status, 303);
});

test('a code works once, within its client, with its verifier and its address', async () => {
  const first = await signIn('engineer.hamburg');
  const code = first.answer.get('code') ?? '';
  for (const [name, response] of [
    ['wrong verifier', await redeem(code, randomBytes(32).toString('base64url'))],
    ['no verifier', await post('/oidc/token', { grant_type: 'authorization_code', client_id: 'dashboard', redirect_uri: CALLBACK, code })],
    ['another address', await redeem(code, first.verifier, { redirect_uri: `${CALLBACK}/x` })],
    ['another client', await redeem(code, first.verifier, { client_id: 'command-line' })],
  ] as const) {
    assert.equal(response.status, 400, name);
    assert.equal((await tokensOf(response)).error, 'invalid_grant', name);
  }
  const second = await signIn('engineer.hamburg');
  const good = await tokensOf(await redeem(second.answer.get('code') ?? '', second.verifier));
  const again = await redeem(second.answer.get('code') ?? '', second.verifier);
  assert.equal((await tokensOf(again)).error, 'invalid_grant');
  assert.equal((await refresh(good.refresh_token)).status, 400, 'a code that comes twice takes the tokens of the first with it');
});

test('of two who bring the same code at once, at most one gets tokens, and they do not last', async () => {
  const { answer, verifier } = await signIn('engineer.hamburg');
  const answers = await Promise.all(Array.from({ length: 6 }, () => redeem(answer.get('code') ?? '', verifier)));
  const good = answers.filter((response) => response.status === 200);
  assert.ok(good.length <= 1, `${good.length} of 6 got tokens`);
  for (const response of good) assert.equal((await refresh((await tokensOf(response)).refresh_token)).status, 400);
});

test('no PKCE, plain PKCE, foreign addresses, implicit: refused before anybody types a password', async () => {
  const at = async (more: Record<string, string | undefined>) => {
    const browser = new Browser();
    return browser.open(request(more).url);
  };
  for (const more of [
    { code_challenge: undefined, code_challenge_method: undefined },
    { code_challenge_method: 'plain' },
    { response_type: 'token' },
    { response_type: 'id_token' },
  ]) {
    const response = await at(more);
    const address = new URL(response.headers.get('location') ?? server.url);
    assert.equal(response.status, 303, JSON.stringify(more));
    const said = address.searchParams.get('error') ?? new URLSearchParams(address.hash.slice(1)).get('error');
    assert.match(said ?? '', /^(invalid_request|unsupported_response_type)$/, JSON.stringify(more));
  }
  for (const redirect_uri of [
    'https://evil.example/callback',
    `${CALLBACK}/`,
    `${CALLBACK}?x=1`,
    `${server.url}/Callback`,
    'http://localhost/callback',
    '//evil.example',
    'javascript:alert(1)',
    undefined,
  ]) {
    const response = await at({ redirect_uri });
    assert.equal(response.status, 400, String(redirect_uri));
    assert.equal(response.headers.get('location'), null);
    const text = await response.text();
    assert.match(text, /role="alert"/);
    assert.equal(text.includes('evil'), false);
  }
  assert.equal((await at({ client_id: 'nobody' })).status, 400);
});

test('a refresh token turns over, and using an old one ends the whole family', async () => {
  const first = await tokens('engineer.hamburg');
  const second = await tokensOf(await refresh(first.refresh_token));
  assert.notEqual(second.refresh_token, first.refresh_token);
  assert.equal(claims(second.access_token).scope, claims(first.access_token).scope);
  const third = await tokensOf(await refresh(second.refresh_token, { scope: 'openid inspections:read' }));
  assert.equal(claims(third.access_token).scope, 'inspections:read');
  const reused = await refresh(first.refresh_token);
  assert.equal((await tokensOf(reused)).error, 'invalid_grant');
  assert.equal((await tokensOf(await refresh(third.refresh_token))).error, 'invalid_grant', 'the thief and the owner are both out');
  assert.ok(server.security.some((entry) => entry.msg === 'grant_revoked_after_reuse'));
});

test('roles are looked up again at every refresh', async () => {
  const got = await tokens('operator.penang');
  const set = (role: string) =>
    database.db.pool.query("update identity.person set roles = array[$1] where username = 'operator.penang'", [role]);
  await set('auditor');
  const later = claims((await tokensOf(await refresh(got.refresh_token))).access_token);
  await set('manufacturing_operator');
  assert.deepEqual(later.roles, ['auditor']);
  assert.equal(String(later.scope).includes(':write'), false);
});

test('signing out ends the session and its refresh tokens, and leads back to the dashboard', async () => {
  const browser = new Browser();
  const got = await tokens('engineer.hamburg', {}, browser);
  const silent = await signIn('engineer.hamburg', { prompt: 'none' }, browser);
  assert.ok(silent.answer.get('code'), 'signed in already: no page');
  const end = new URL('/oidc/session/end', server.url);
  end.search = new URLSearchParams({ id_token_hint: got.id_token, post_logout_redirect_uri: `${server.url}/`, state: 's' }).toString();
  const shown = await browser.open(end);
  const page = await shown.text();
  const policy = shown.headers.get('content-security-policy') ?? '';
  const script = /<script>([\s\S]*?)<\/script>/.exec(page)?.[1] ?? '';
  assert.ok(
    policy.includes(`'sha256-${createHash('sha256').update(script).digest('base64')}'`),
    'the script is the one that the policy names',
  );
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)?.[1] ?? '';
  const done = await browser.open(`${server.url}/oidc/session/end/confirm`, { xsrf, logout: 'yes' });
  assert.equal(done.headers.get('location'), `${server.url}/?state=s`);
  assert.equal((await refresh(got.refresh_token)).status, 400);
  const { answer } = await signIn('engineer.hamburg', { prompt: 'none' }, browser);
  assert.equal(answer.get('error'), 'login_required');
  const elsewhere = new URL(end);
  elsewhere.searchParams.set('post_logout_redirect_uri', 'https://evil.example/');
  assert.equal((await browser.open(elsewhere)).status, 400);
});

test('another person at the same browser does not inherit the session', async () => {
  const browser = new Browser();
  await tokens('engineer.hamburg', {}, browser);
  const { url } = request({ prompt: 'login' });
  const shown = await browser.follow(await browser.open(url), CALLBACK);
  const next = await browser.open(shown.address, { username: 'auditor', password: passwordOf('auditor') });
  const { response } = await browser.follow(next, CALLBACK);
  const form = await response.text();
  assert.match(form, /session\/end\/confirm/, 'the first one is signed out on the way');
});

test('the sign-in page carries its own strict policy, speaks German where asked, and names the demo accounts without passwords', async () => {
  const browser = new Browser();
  const shown = await browser.follow(await browser.open(request({ ui_locales: 'de' }).url), CALLBACK);
  const page = await shown.response.text();
  assert.match(page, /<html lang="de">/);
  assert.match(page, /engineer\.penang/);
  for (const { password } of server.credentials.users) assert.equal(page.includes(password), false);
  const policy = shown.response.headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.equal(policy.includes('unsafe'), false);
  const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
  assert.ok(policy.includes(createHash('sha256').update(style).digest('base64')));
  const cookies = (await fetch(request().url, { redirect: 'manual' })).headers.getSetCookie();
  assert.ok(cookies.length >= 2);
  for (const cookie of cookies) assert.match(cookie, /httponly/i);
  for (const cookie of cookies) assert.match(cookie, /samesite=lax/i);
});

test('a sign-in needs the browser that began it, and ends', async () => {
  const browser = new Browser();
  const shown = await browser.follow(await browser.open(request().url), CALLBACK);
  const thief = await new Browser().open(shown.address, { username: 'admin', password: passwordOf('admin') });
  assert.equal(thief.status, 400);
  assert.equal((await browser.open(`${server.url}/oidc/sign-in/other`, { username: 'admin', password: passwordOf('admin') })).status, 400);
  assert.equal((await browser.open(shown.address, { username: '', password: '' })).status, 400);
  const html = await (await browser.open(shown.address, { username: '<b>"x', password: 'y' })).text();
  assert.match(html, /value="&lt;b&gt;&quot;x"/);
});
