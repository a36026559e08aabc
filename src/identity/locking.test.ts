import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../../test/support/database.ts';
import { Browser, startIdentity } from '../../test/support/identity-server.ts';
import { sweepState } from './sweep-state.ts';

const ORIGIN = { requestId: 'r', traceId: '0'.repeat(32) };

const beginOf = (url: string): string =>
  `${url}/oidc/auth?response_type=code&client_id=dashboard&redirect_uri=${encodeURIComponent(`${url}/callback`)}&scope=openid&code_challenge=${'a'.repeat(43)}&code_challenge_method=S256`;

test('five failures lock a name for minutes, known or not, and the right password does not help then', async (t) => {
  const database = await testDatabase(t);
  const server = await startIdentity(database);
  t.after(() => server.stop());
  const right = server.credentials.users.find((user) => user.username === 'engineer.hamburg')?.password ?? '';
  const browser = new Browser();
  const { address } = await browser.follow(await browser.open(beginOf(server.url)), `${server.url}/callback`);
  const statuses: Record<string, number[]> = { 'engineer.hamburg': [], 'nobody.hamburg': [] };
  const pages: string[] = [];
  for (const [username, seen] of Object.entries(statuses))
    for (let round = 0; round < 6; round += 1) {
      const response = await browser.open(address, { username, password: 'wrong' });
      seen.push(response.status);
      if (round === 5) {
        assert.ok(Number(response.headers.get('retry-after')) > 200);
        pages.push((await response.text()).replace(`value="${username}"`, ''));
      }
    }
  assert.deepEqual(statuses['engineer.hamburg'], [403, 403, 403, 403, 403, 429]);
  assert.deepEqual(statuses['nobody.hamburg'], statuses['engineer.hamburg'], 'the answers do not say who exists');
  assert.equal(pages[0], pages[1]);
  assert.equal((await browser.open(address, { username: 'engineer.hamburg', password: right })).status, 429);
  await database.db.pool.query("update identity.person set locked_until = now() - interval '1 second' where username = 'engineer.hamburg'");
  assert.equal((await browser.open(address, { username: 'engineer.hamburg', password: right })).status, 303);
  const { rows } = await database.db.pool.query(
    "select action, actor_name, actor_kind, site, object_id, new from platform.audit where action like 'identity.sign%' order by id",
  );
  assert.equal(rows.filter((row) => row.action === 'identity.sign_in_failed' && row.site === 'hamburg').length, 5);
  const strangers = rows.filter((row) => row.object_id === 'unknown');
  assert.equal(strangers.length, 5);
  assert.equal(JSON.stringify(strangers).includes('nobody'), false, 'a password typed as a name would be kept for ever');
  const last = rows.at(-1);
  assert.deepEqual([last.action, last.actor_name, last.actor_kind], ['identity.signed_in', 'engineer.hamburg', 'person']);
});

test('guesses that run side by side are counted one by one', async (t) => {
  const database = await testDatabase(t);
  const server = await startIdentity(database);
  t.after(() => server.stop());
  const { createSignIn } = await import('./sign-in.ts');
  const { createPasswords } = await import('./passwords.ts');
  const right = server.credentials.users.find((user) => user.username === 'auditor')?.password ?? '';
  const signIn = createSignIn({ db: database.db, door: database.door, log: { warn: () => {} }, passwords: createPasswords({ atOnce: 4 }) });
  // Also of a name that nobody has: else the answers would tell the two apart.
  for (const name of ['auditor', 'nobody.at.all', 'no\u0000body']) {
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => signIn(name, 'wrong', ORIGIN)));
    assert.deepEqual(
      outcomes.map((outcome) => outcome.kind).sort(),
      [...Array<string>(7).fill('locked'), ...Array<string>(5).fill('refused')],
      name,
    );
    assert.equal((await signIn(name, 'wrong', ORIGIN)).kind, 'locked', name);
  }
  const unknown = await database.db.pool.query(
    "select count(*)::int as n from platform.audit where action = 'identity.sign_in_failed' and object_id = 'unknown'",
  );
  assert.equal(unknown.rows[0].n, 10, 'what was still locked is not in the audit trail');
  const { rows } = await database.db.pool.query("select locked_until > now() as locked from identity.person where username = 'auditor'");
  assert.equal(rows[0].locked, true);
  assert.equal((await signIn('auditor', right, ORIGIN)).kind, 'locked');
});

test('somebody who was disabled does not get in, and gets no new token for an old sign-in', async (t) => {
  const database = await testDatabase(t);
  const server = await startIdentity(database);
  t.after(() => server.stop());
  const { tokenForClient, tokenForUser } = await import('./command-line.ts');
  await database.db.pool.query("update identity.person set disabled = true where username = 'admin'");
  await database.db.pool.query("update identity.client set disabled = true where client_id = 'aoi-hh-1'");
  const user = server.credentials.users.find((one) => one.username === 'admin');
  const client = server.credentials.clients.find((one) => one.client_id === 'aoi-hh-1');
  await assert.rejects(tokenForUser({ issuer: server.url, username: 'admin', password: user?.password ?? '' }), /not right/);
  await assert.rejects(
    tokenForClient({ tokenEndpoint: server.credentials.token_endpoint, id: 'aoi-hh-1', secret: client?.client_secret ?? '' }),
    /invalid_client/,
  );
});

test('an address tries and begins so many sign-ins and no more, whatever the names: what is over is neither stored nor hashed', async (t) => {
  const database = await testDatabase(t);
  const server = await startIdentity(database);
  t.after(() => server.stop());
  const count = async (text: string): Promise<number> => (await database.db.pool.query<{ n: number }>(text)).rows[0]?.n ?? 0;
  const failures = () => count(`select count(*)::int as n from platform.audit where action = 'identity.sign_in_failed'`);
  const browser = new Browser();
  const { address } = await browser.follow(await browser.open(beginOf(server.url)), `${server.url}/callback`);
  // Too long to be hashed: a refused try then costs no time.
  const password = 'x'.repeat(300);
  let refused: Response | undefined;
  let tries = 0;
  for (; refused?.status !== 429 && tries < 1000; tries += 1)
    refused = await browser.open(address, { username: `nobody.${tries}`, password });
  assert.equal(refused?.status, 429);
  assert.equal(refused.headers.get('retry-after'), '60');
  assert.match(await refused.text(), /Too many tries to sign in from this network/);
  assert.ok(tries > 200, `${tries} tries`);
  assert.equal(await failures(), tries - 1);
  assert.equal(server.security.at(-1)?.msg, 'sign_in_limited');

  const begin = () => fetch(beginOf(server.url), { redirect: 'manual' });
  let begun = 1;
  let last = await begin();
  for (; last.status !== 429 && begun < 3000; begun += 20) last = (await Promise.all(Array.from({ length: 20 }, begin))).at(-1) as Response;
  assert.deepEqual([last.status, last.headers.get('retry-after')], [429, '1']);
  // Ten more are let in each second: of forty at once some are over.
  const ends = await Promise.all(Array.from({ length: 40 }, () => fetch(`${server.url}/oidc/session/end`, { redirect: 'manual' })));
  assert.ok(ends.some(({ status }) => status === 429));
  const stored = await count(`select count(*)::int as n from identity.provider_state where model = 'Interaction'`);
  assert.ok(stored >= 600 && stored <= begun, `${stored} of ${begun}`);
  assert.equal((await fetch(`${server.url}/.well-known/openid-configuration`)).status, 200);

  await database.db.pool.query(`update identity.provider_state set expires_at = now() - interval '1 second'`);
  const expired = await count('select count(*)::int as n from identity.provider_state');
  assert.equal(await sweepState(database.db, { batch: 100 }), expired, 'all that has expired, however much it is');
});
