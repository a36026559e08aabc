import { isPrintable } from '../contracts/lot-id.ts';
import type { Role } from '../contracts/permissions.ts';
import { type Database, reads } from '../platform/db/database.ts';
import type { IdentityTables } from './tables.ts';

export interface Person {
  readonly id: string;
  readonly username: string;
  readonly name: string;
  readonly password_hash: string;
  readonly roles: readonly Role[];
  readonly site: string;
  readonly disabled: boolean;
  readonly locked_until: Date | null;
}

export interface Client {
  readonly client_id: string;
  readonly name: string;
  readonly secret_hash: string;
  readonly roles: readonly Role[];
  readonly site: string;
  readonly station_id: string | null;
}

const PERSON = ['id', 'username', 'name', 'password_hash', 'roles', 'site', 'disabled', 'locked_until'] as const;

/** `*` is no site: what concerns somebody who sees every site is written down under none. */
export const siteInAudit = (site: string): string | null => (site === '*' ? null : site);

/** By the folded username. Disabled people are found too: their sign-in takes as long as any other. What no name holds (U+0000) is nobody's. */
export async function personByUsername(db: Database, username: string): Promise<Person | undefined> {
  if (!isPrintable(username)) return undefined;
  return await reads<IdentityTables>(db).selectFrom('identity.person').select(PERSON).where('username', '=', username).executeTakeFirst();
}

/** Somebody who may come in now; a person who was disabled gets no new token. */
export function activePerson(db: Database, id: string): Promise<Person | undefined> {
  return reads<IdentityTables>(db)
    .selectFrom('identity.person')
    .select(PERSON)
    .where('id', '=', id)
    .where('disabled', '=', false)
    .executeTakeFirst();
}

export async function activeClient(db: Database, clientId: string): Promise<Client | undefined> {
  if (!isPrintable(clientId)) return undefined;
  return await reads<IdentityTables>(db)
    .selectFrom('identity.client')
    .select(['client_id', 'name', 'secret_hash', 'roles', 'site', 'station_id'])
    .where('client_id', '=', clientId)
    .where('disabled', '=', false)
    .executeTakeFirst();
}
