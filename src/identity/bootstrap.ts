import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Cause, Door, Transaction } from '../platform/db/door.ts';
import { uuidv7 } from '../platform/id.ts';
import { siteInAudit } from './accounts.ts';
import { DEMO_CLIENTS, DEMO_PEOPLE } from './demo-accounts.ts';
import type { Passwords } from './passwords.ts';
import { hashSecret } from './provider.ts';
import type { Seal } from './sealing.ts';
import type { IdentityTables } from './tables.ts';

/** Passwords and secrets in plain text by username and client id: only for the credentials file of an embedded data directory. */
export interface DemoSecrets {
  readonly people: Readonly<Record<string, string>>;
  readonly clients: Readonly<Record<string, string>>;
}

const NAME = 'demo-secrets';

async function stored(tx: Transaction<IdentityTables>, seal: Seal): Promise<DemoSecrets | undefined> {
  const row = await tx.selectFrom('identity.sealed').select('value').where('name', '=', NAME).executeTakeFirst();
  return row && (JSON.parse(seal.open(NAME, row.value)) as DemoSecrets);
}

/** 100 bits in four groups that can be read out and typed. */
function makePassword(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  const text = Array.from({ length: 20 }, () => {
    let byte = 255;
    while (byte >= letters.length * 8) byte = randomBytes(1)[0] ?? 255;
    return letters[byte % letters.length];
  }).join('');
  return (text.match(/.{5}/g) ?? []).join('-');
}

/**
 * The accounts of the demo with random secrets at the first start, the same ones at every later start. One transaction: either all accounts
 * are there with the sealed copy of their secrets, or none.
 */
export async function bootstrapDemo(deps: { door: Door; seal: Seal; passwords: Passwords; cause: Cause }): Promise<DemoSecrets> {
  const { door, seal, passwords, cause } = deps;
  const found = await door.change<IdentityTables, DemoSecrets | undefined>(cause, async (tx) => ({
    result: await stored(tx, seal),
    events: [],
    audit: [],
  }));
  if (found) return found;
  const people = await Promise.all(
    DEMO_PEOPLE.map(async (person) => {
      const password = makePassword();
      return { ...person, id: uuidv7(), password, hash: await passwords.hash(password) };
    }),
  );
  const clients = DEMO_CLIENTS.map((client) => ({ ...client, secret: randomBytes(32).toString('base64url') }));
  const secrets: DemoSecrets = {
    people: Object.fromEntries(people.map(({ username, password }) => [username, password])),
    clients: Object.fromEntries(clients.map(({ client_id, secret }) => [client_id, secret])),
  };
  return door.change<IdentityTables, DemoSecrets>(cause, async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtext('identity.demo'))`.execute(tx);
    const first = await stored(tx, seal);
    if (first) return { result: first, events: [], audit: [] };
    await tx
      .insertInto('identity.person')
      .values(people.map(({ id, username, name, hash, role, site }) => ({ id, username, name, password_hash: hash, roles: [role], site })))
      .execute();
    await tx
      .insertInto('identity.client')
      .values(
        clients.map(({ client_id, name, secret, role, site, station_id }) => ({
          client_id,
          name,
          secret_hash: hashSecret(secret),
          roles: [role],
          site,
          station_id,
        })),
      )
      .execute();
    await tx
      .insertInto('identity.sealed')
      .values({ name: NAME, value: seal.close(NAME, JSON.stringify(secrets)) })
      .execute();
    return {
      result: secrets,
      events: [],
      audit: [
        ...people.map(({ id, username, role, site }) => ({
          action: 'identity.bootstrapped' as const,
          site: siteInAudit(site),
          object: { type: 'person', id },
          old: null,
          new: { username, roles: [role], site },
        })),
        ...clients.map(({ client_id, role, site, station_id }) => ({
          action: 'identity.bootstrapped' as const,
          site: siteInAudit(site),
          object: { type: 'client', id: client_id },
          old: null,
          new: { client_id, roles: [role], site, station_id },
        })),
      ],
    };
  });
}
