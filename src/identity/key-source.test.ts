import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { ProblemError } from '../platform/problem.ts';
import { createKeySource, remoteKeys } from './key-source.ts';

const pair = await generateKeyPair('ES256', { extractable: true });
const key = async (kid: string): Promise<JWK> => ({ ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256', use: 'sig' });
const quiet = { warn: () => {} } as never;
const ask = (kid: string) =>
  [
    { alg: 'ES256', kid },
    { payload: '', signature: '' },
  ] as const;

test('an unknown key is looked up again at most once per cooldown, whoever asks', async () => {
  let loads = 0;
  let clock = 0;
  const keys = [await key('a')];
  const load = async () => {
    loads += 1;
    return { keys: [...keys] };
  };
  const { key: source } = createKeySource({ load, log: quiet, now: () => clock });
  await source(...ask('a'));
  assert.equal(loads, 1);
  for (let tries = 0; tries < 50; tries += 1) await assert.rejects(async () => source(...ask('x')));
  assert.equal(loads, 1, 'within the cooldown of the first load');
  clock = 31_000;
  keys.push(await key('b'));
  await source(...ask('b'));
  assert.equal(loads, 2);
  for (let tries = 0; tries < 50; tries += 1) await assert.rejects(async () => source(...ask('x')));
  assert.equal(loads, 2);
});

test('while the issuer is away, or answers nonsense, the last good keys serve', async () => {
  let clock = 0;
  let answer: () => unknown = () => ({ keys: [] });
  const { key: source } = createKeySource({ load: async () => (await answer()) as never, log: quiet, now: () => clock });
  await assert.rejects(
    async () => source(...ask('a')),
    (error: unknown) => error instanceof ProblemError && error.code === 'service_unavailable' && error.retryAfter === 5,
  );
  clock = 2000;
  const good = await key('a');
  answer = () => ({ keys: [good, { kty: 'oct', k: 'c2VjcmV0', kid: 'h' }] });
  await source(...ask('a'));
  await assert.rejects(async () => source(...ask('h')), 'a symmetric key is never taken');
  for (const bad of [
    () => ({}),
    () => ({ keys: 'x' }),
    () => Promise.reject(new Error('away')),
    () => ({ keys: [{ kty: 'oct', k: 'x' }] }),
  ]) {
    answer = bad;
    clock += 3_600_000;
    await source(...ask('a'));
    await new Promise((resolve) => setImmediate(resolve));
    await source(...ask('a'));
  }
});

test('only the first waits for an issuer that is silent: after it failed all are refused at once, and it is asked beside them', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let loads = 0;
  let answer = Promise.withResolvers<{ keys: JWK[] }>();
  const load = () => {
    loads += 1;
    return answer.promise;
  };
  const source = createKeySource({ load, log: quiet });
  source.start();
  t.after(() => source.stop());
  assert.equal(source.trouble(), null, 'nobody knows yet');
  const waiting = [1, 2, 3].map(async () => source.key(...ask('a')));
  const silent = answer;
  answer = Promise.withResolvers();
  silent.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) }));
  for (const { status } of await Promise.allSettled(waiting)) assert.equal(status, 'rejected');
  assert.deepEqual([loads, source.trouble()], [1, 'fetch failed (ECONNREFUSED)']);
  t.mock.timers.tick(5000);
  await assert.rejects(async () => source.key(...ask('a')), { code: 'service_unavailable' }, 'the second try has no answer yet');
  assert.equal(loads, 2);
  answer.resolve({ keys: [await key('a')] });
  await answer.promise;
  await new Promise((resolve) => setImmediate(resolve));
  await source.key(...ask('a'));
  assert.deepEqual([loads, source.trouble()], [2, null]);
});

test('an outside issuer is found by discovery, and must name itself', async (t) => {
  let issuer = '';
  const server = createServer(async (request, response) => {
    const body = request.url === '/keys' ? { keys: [await key('a')] } : { issuer, jwks_uri: `${issuer}/keys` };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  issuer = url;
  assert.equal((await remoteKeys(url, null)()).keys[0]?.kid, 'a');
  assert.equal((await remoteKeys('http://any', `${url}/keys`)()).keys.length, 1);
  await assert.rejects(remoteKeys(`${url}/realm`, null)(), /names the issuer/);
});

test('an answer without end is given up at its bound, and the connection with it', async (t) => {
  const left = Promise.withResolvers<void>();
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    const pour = () => {
      while (!response.destroyed && response.write(' '.repeat(16_384)));
    };
    response.on('drain', pour).on('close', left.resolve);
    pour();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await assert.rejects(remoteKeys(url, `${url}/keys`)(), /answered more than 262144 bytes/);
  await left.promise;
});
