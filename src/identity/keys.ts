import { randomBytes } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JSONWebKeySet, type JWK } from 'jose';
import { sql } from 'kysely';
import { type Database, reads } from '../platform/db/database.ts';
import type { Cause, Door } from '../platform/db/door.ts';
import type { Seal } from './sealing.ts';
import type { IdentityTables } from './tables.ts';

/** Elliptic curve P-256: small tokens, quick to sign. The only algorithm of the built-in provider. */
export const SIGNING_ALGORITHM = 'ES256';

export interface ProviderKeys {
  /** Private halves, the signing one first. */
  readonly signing: readonly JWK[];
  readonly cookies: readonly string[];
}

/** The keys of this database; made once, under a lock, so that two first starts make one set. @throws SealBroken */
export async function loadProviderKeys(door: Door, seal: Seal, cause: Cause): Promise<ProviderKeys> {
  return door.change<IdentityTables, ProviderKeys>(cause, async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtext('identity.signing_key'))`.execute(tx);
    const rows = await tx.selectFrom('identity.signing_key').selectAll().orderBy('created_at', 'desc').execute();
    const cookie = await tx.selectFrom('identity.sealed').select('value').where('name', '=', 'cookie-key').executeTakeFirst();
    if (rows.length > 0 && cookie)
      return {
        result: {
          signing: rows.map((row) => JSON.parse(seal.open(`signing-key ${row.kid}`, row.private_sealed)) as JWK),
          cookies: [seal.open('cookie-key', cookie.value)],
        },
        events: [],
        audit: [],
      };
    const made = await makeSigningKey();
    const cookieKey = randomBytes(32).toString('base64url');
    await tx
      .insertInto('identity.signing_key')
      .values({
        kid: made.kid,
        alg: SIGNING_ALGORITHM,
        public_jwk: JSON.stringify(made.publicJwk),
        private_sealed: seal.close(`signing-key ${made.kid}`, JSON.stringify(made.privateJwk)),
      })
      .execute();
    await tx
      .insertInto('identity.sealed')
      .values({ name: 'cookie-key', value: seal.close('cookie-key', cookieKey) })
      .execute();
    return {
      result: { signing: [made.privateJwk], cookies: [cookieKey] },
      events: [],
      audit: [
        {
          action: 'identity.bootstrapped',
          site: null,
          object: { type: 'signing_key', id: made.kid },
          old: null,
          new: { kid: made.kid, alg: SIGNING_ALGORITHM },
        },
      ],
    };
  });
}

/** The public halves, for whoever verifies beside this database. */
export async function publicKeys(db: Database): Promise<JSONWebKeySet> {
  const rows = await reads<IdentityTables>(db).selectFrom('identity.signing_key').select('public_jwk').execute();
  return { keys: rows.map((row) => row.public_jwk as unknown as JWK) };
}

async function makeSigningKey() {
  const pair = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
  const [publicPart, privatePart] = await Promise.all([exportJWK(pair.publicKey), exportJWK(pair.privateKey)]);
  const kid = await calculateJwkThumbprint(publicPart);
  const named = { kid, alg: SIGNING_ALGORITHM, use: 'sig' };
  return { kid, publicJwk: { ...publicPart, ...named }, privateJwk: { ...privatePart, ...named } as JWK };
}
