import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { createLocalJWKSet, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { ProblemError } from '../platform/problem.ts';
import { type Authenticate, createVerifier } from './verifier.ts';

const ISSUER = 'http://localhost:8000';
const AUDIENCE = 'chip-quality-platform';
const encode = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

const ours = await generateKeyPair('ES256', { extractable: true });
const stranger = await generateKeyPair('ES256', { extractable: true });
const rsa = await generateKeyPair('RS256', { extractable: true });
const publicJwk = { ...(await exportJWK(ours.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
const rsaJwk = { ...(await exportJWK(rsa.publicKey)), kid: 'r1', alg: 'RS256', use: 'sig' };
const publicPem = await exportSPKI(ours.publicKey);

const now = () => Math.floor(Date.now() / 1000);
const good = (): JWTPayload => ({
  iss: ISSUER,
  aud: AUDIENCE,
  sub: 'aoi-hh-1',
  client_id: 'aoi-hh-1',
  preferred_username: 'aoi-hh-1',
  jti: `t${Math.random()}`,
  iat: now(),
  exp: now() + 900,
  scope: 'inspections:read inspections:write',
  roles: ['inspection_station'],
  site: 'hamburg',
  station_id: 'AOI-HH-1',
});

interface Spoil {
  claims?: Record<string, unknown>;
  without?: string;
  header?: Record<string, unknown>;
  key?: CryptoKey;
}

function sign({ claims = {}, without, header = {}, key = ours.privateKey }: Spoil = {}): Promise<string> {
  const payload: Record<string, unknown> = { ...good(), ...claims };
  if (without) delete payload[without];
  return new SignJWT(payload as JWTPayload).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k1', ...header }).sign(key);
}

/** A header of one's own choice over a true token: what `jose` would refuse to make. */
async function forged(header: Record<string, unknown>, signature: (input: string) => string): Promise<string> {
  const [, payload = ''] = (await sign()).split('.');
  const input = `${encode(header)}.${payload}`;
  return `${input}.${signature(input)}`;
}

function verifier(more: Partial<Parameters<typeof createVerifier>[0]> = {}): { authenticate: Authenticate; log: { reason: string }[] } {
  const log: { reason: string }[] = [];
  const authenticate = createVerifier({
    issuer: ISSUER,
    audience: AUDIENCE,
    keys: createLocalJWKSet({ keys: [publicJwk, rsaJwk] }),
    outside: false,
    log: { warn: (entry: object) => void log.push(entry as never) } as never,
    ...more,
  });
  return { authenticate, log };
}

const swapped = async (): Promise<string> => {
  const [header, , signature] = (await sign()).split('.');
  return `${header}.${encode({ ...good(), site: '*' })}.${signature}`;
};
const cut = async (end: string): Promise<string> => (await sign()).replace(/[^.]+$/, end);
const hmac = (secret: string) => (input: string) => createHmac('sha256', secret).update(input).digest('base64url');

const REFUSED: [string, () => Promise<string>][] = [
  ['empty', async () => ''],
  ['no token at all', async () => 'x'],
  ['two dots and nothing', async () => '..'],
  ['alg none', () => forged({ alg: 'none', typ: 'at+jwt' }, () => '')],
  ['alg None', () => forged({ alg: 'None', typ: 'at+jwt' }, () => '')],
  ['alg NONE with a signature', () => forged({ alg: 'NONE', typ: 'at+jwt' }, () => encode('x'))],
  ['HS256 with the public key as PEM', () => forged({ alg: 'HS256', typ: 'at+jwt', kid: 'k1' }, hmac(publicPem))],
  ['HS256 with the public key as JWK', () => forged({ alg: 'HS256', typ: 'at+jwt', kid: 'k1' }, hmac(JSON.stringify(publicJwk)))],
  ['HS256 without a key id', () => forged({ alg: 'HS256', typ: 'at+jwt' }, hmac(publicPem.trim()))],
  ['empty signature', () => cut('')],
  ['signature null', () => cut(encode('null'))],
  ['signature of zeros', () => cut(Buffer.alloc(64).toString('base64url'))],
  ['changed claims', swapped],
  ['another key, same kid', () => sign({ key: stranger.privateKey })],
  ['unknown kid', () => sign({ header: { kid: 'k2' } })],
  ['kid is a path', () => sign({ header: { kid: '../../dev/null' }, key: stranger.privateKey })],
  ['kid is SQL', () => sign({ header: { kid: "' or 1=1 --" }, key: stranger.privateKey })],
  ['kid of 10 kB', () => sign({ header: { kid: 'k'.repeat(10_000) }, key: stranger.privateKey })],
  ['key in the header', async () => sign({ header: { jwk: await exportJWK(stranger.publicKey) }, key: stranger.privateKey })],
  [
    'address of keys in the header',
    () => sign({ header: { jku: 'http://127.0.0.1:9/keys', x5u: 'http://127.0.0.1:9/c' }, key: stranger.privateKey }),
  ],
  ['RS256 where only ES256 is spoken', () => sign({ header: { alg: 'RS256', kid: 'r1' }, key: rsa.privateKey })],
  ['unknown crit', () => forged({ alg: 'ES256', typ: 'at+jwt', kid: 'k1', crit: ['exp2'], exp2: 1 }, () => encode('x'))],
  ['unencoded payload', () => forged({ alg: 'ES256', typ: 'at+jwt', kid: 'k1', crit: ['b64'], b64: false }, () => encode('x'))],
  ['typ JWT', () => sign({ header: { typ: 'JWT' } })],
  ['typ missing', () => sign({ header: { typ: undefined } })],
  ['wrong issuer', () => sign({ claims: { iss: 'http://localhost:8001' } })],
  ['issuer with a slash', () => sign({ claims: { iss: `${ISSUER}/` } })],
  ['issuer as a list', () => sign({ claims: { iss: [ISSUER] } })],
  ['no issuer', () => sign({ without: 'iss' })],
  ['wrong audience', () => sign({ claims: { aud: 'another' } })],
  ['audience as a list', () => sign({ claims: { aud: [AUDIENCE, 'another'] } })],
  ['no audience', () => sign({ without: 'aud' })],
  ['expired', () => sign({ claims: { exp: now() - 61, iat: now() - 1000 } })],
  ['exp as a text', () => sign({ claims: { exp: String(now() + 900) } })],
  ['exp negative', () => sign({ claims: { exp: -1 } })],
  ['no exp', () => sign({ without: 'exp' })],
  ['not yet valid', () => sign({ claims: { nbf: now() + 120 } })],
  ['nbf as a text', () => sign({ claims: { nbf: 'soon' } })],
  ['issued in the future', () => sign({ claims: { iat: now() + 120 } })],
  ['no iat', () => sign({ without: 'iat' })],
  ['no subject', () => sign({ without: 'sub' })],
  ['empty subject', () => sign({ claims: { sub: '' } })],
  ['subject is a number', () => sign({ claims: { sub: 7 } })],
  ['no jti', () => sign({ without: 'jti' })],
  ['scope as a list', () => sign({ claims: { scope: ['inspections:read'] } })],
  ['roles as a text', () => sign({ claims: { roles: 'system_admin' } })],
  ['no site', () => sign({ without: 'site' })],
  ['station without its id', () => sign({ without: 'station_id' })],
  ['an id token', () => sign({ header: { typ: 'JWT' }, claims: { aud: 'dashboard', nonce: 'n' } })],
  ['64 kB', async () => (await sign({ claims: { more: 'x'.repeat(48_000) } })).padEnd(65_536, 'A')],
  ['true but over 16 kB', () => sign({ claims: { more: 'x'.repeat(16_000) } })],
  [
    'encrypted (five parts)',
    async () => `${encode({ alg: 'dir', enc: 'A256GCM', zip: 'DEF' })}..${encode('x')}.${encode('x')}.${encode('x')}`,
  ],
  ['JSON form', async () => JSON.stringify({ payload: 'x', signatures: [] })],
];

test('a token that is not exactly ours is refused: one answer for all, one security event for each', async () => {
  const { authenticate, log } = verifier();
  for (const [name, make] of REFUSED) {
    const token = await make();
    log.length = 0;
    await assert.rejects(
      async () => authenticate(token, { id: 'r1', ip: '::1' }),
      (error: unknown) =>
        error instanceof ProblemError && error.code === 'unauthorized' && error.message === 'A valid bearer token is required',
      name,
    );
    assert.equal(log.length, 1, `${name}: ${JSON.stringify(log)}`);
    assert.equal(JSON.stringify(log).includes(token.length > 40 ? token.slice(0, 40) : '\0'), false, `${name}: the token is in the log`);
  }
});

test('exp of 1e400 is no date: it would never expire', async () => {
  const { authenticate } = verifier();
  const header = encode({ alg: 'ES256', typ: 'at+jwt', kid: 'k1' });
  const payload = encode(JSON.stringify(good()).replace(/"exp":\d+/, '"exp":1e400'));
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, ours.privateKey, Buffer.from(`${header}.${payload}`));
  await assert.rejects(async () => authenticate(`${header}.${payload}.${Buffer.from(signature).toString('base64url')}`), /bearer token/);
});

test('a good token names its caller, and is known at once the second time', async () => {
  const { authenticate } = verifier();
  const token = await sign({ claims: { scope: 'inspections:read inspections:* made:up' } });
  const first = authenticate(token);
  assert.ok(first instanceof Promise);
  const caller = await first;
  assert.equal(caller.name, 'aoi-hh-1');
  assert.equal(caller.kind, 'client');
  assert.equal(caller.stationId, 'AOI-HH-1');
  assert.equal(caller.site, 'hamburg');
  assert.deepEqual([...caller.scopes], ['inspections:read'], 'a scope with a wildcard is no scope');
  assert.ok(caller.expiresAt > Date.now() && caller.expiresAt <= Date.now() + 900_000);
  assert.equal(authenticate(token), caller);
});

test('a known token still ends: with its time, and when its jti is given back, however it is spelled', async () => {
  const gone = new Set<string>();
  const { authenticate, log } = verifier({ revoked: (jti) => gone.has(jti), leewaySeconds: 0 });
  const token = await sign({ claims: { jti: 'j1' } });
  await authenticate(token);
  gone.add('j1');
  await assert.rejects(async () => authenticate(token), /bearer token/);
  await assert.rejects(async () => authenticate(`${token}=`), /bearer token/);
  assert.equal(log[0]?.reason, 'revoked');
  const exp = now() + 5;
  const short = await sign({ claims: { exp } });
  await authenticate(short);
  await new Promise((resolve) => setTimeout(resolve, exp * 1000 - Date.now() + 100));
  await assert.rejects(async () => authenticate(short), /bearer token/);
});

test('no more tokens are remembered than allowed', async () => {
  const { authenticate } = verifier({ cacheSize: 2 });
  const tokens = await Promise.all([sign(), sign(), sign()]);
  for (const token of tokens) await authenticate(token);
  assert.ok(authenticate(tokens[0] as string) instanceof Promise, 'the oldest was forgotten');
  assert.equal(authenticate(tokens[2] as string) instanceof Promise, false);
});

test('an outside provider may sign by RSA, say JWT and name several audiences; its id tokens stay out', async () => {
  const { authenticate } = verifier({ outside: true });
  const outside = (claims: Record<string, unknown> = {}) =>
    sign({
      key: rsa.privateKey,
      header: { alg: 'RS256', typ: 'JWT', kid: 'r1' },
      claims: {
        sub: '3f0c',
        client_id: undefined,
        azp: 'dashboard',
        preferred_username: 'engineer',
        station_id: undefined,
        aud: [AUDIENCE, 'account'],
        roles: undefined,
        realm_access: { roles: ['quality_engineer', 'offline_access'] },
        scope: 'openid profile',
        ...claims,
      },
    });
  const caller = await authenticate(await outside());
  assert.equal(caller.kind, 'person');
  assert.equal(caller.name, 'engineer');
  assert.ok(caller.scopes.has('defects:review') && !caller.scopes.has('lots:disposition'));
  assert.deepEqual(
    [...(await authenticate(await outside({ scope: 'openid inspections:read lots:disposition' }))).scopes],
    ['inspections:read'],
  );
  const machine = await authenticate(
    await outside({ preferred_username: 'service-account-press', realm_access: undefined, scope: 'inspections:read' }),
  );
  assert.equal(machine.kind, 'client');
  assert.deepEqual([...machine.scopes], ['inspections:read']);
  for (const claims of [{ typ: 'ID' }, { nonce: 'n' }, { at_hash: 'x' }, { aud: 'dashboard' }, { site: undefined }])
    await assert.rejects(async () => authenticate(await outside(claims)), /bearer token/, JSON.stringify(claims));
});
