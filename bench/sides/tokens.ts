import { exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type { Tokens } from './side.ts';

const HOUR = 3600;
/** As many clients as our demo has stations. */
const CLIENTS = 10;

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

function sign(key: Key, claims: JWTPayload, until: number): Promise<string> {
  const now = Math.trunc(Date.now() / 1000);
  return new SignJWT({ sub: 'station-1', scope: 'inspections:read inspections:write', ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' })
    .setIssuedAt(now + until - 2 * HOUR)
    .setExpirationTime(now + until)
    .sign(key);
}

/** Well made, by a key that nobody knows. */
export async function forgedToken(claims: JWTPayload): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256');
  return await sign(privateKey, { jti: 'forged', ...claims }, HOUR);
}

/** A key pair of the bench for the peers, which have no issuer of their own, and tokens made with it. */
export async function peerTokens(): Promise<{ publicKey: string; tokens: Tokens }> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const good = Array.from({ length: CLIENTS }, (_, index) => sign(privateKey, { sub: `station-${index + 1}` }, HOUR));
  return {
    publicKey: await exportSPKI(publicKey),
    tokens: {
      good: await Promise.all(good),
      forged: await forgedToken({}),
      noScope: await sign(privateKey, { scope: 'inspections:read' }, HOUR),
      expired: await sign(privateKey, {}, -HOUR),
    },
  };
}
