import { type Database, reads } from '../platform/db/database.ts';
import type { Actor, Door } from '../platform/db/door.ts';
import type { Log } from '../platform/telemetry/log.ts';
import { type Person, personByUsername, siteInAudit } from './accounts.ts';
import { foldUsername, MAX_PASSWORD, type Passwords } from './passwords.ts';
import type { IdentityTables } from './tables.ts';

export type SignIn = { kind: 'welcome'; person: Person } | { kind: 'refused' } | { kind: 'locked'; seconds: number };

/** Failures in a row, none older than the window, that lock a name; and for how long. */
const FAILURES = 5;
const WINDOW_MS = 15 * 60_000;
const LOCK_MS = 5 * 60_000;

export interface SignInDeps {
  db: Database;
  door: Door;
  log: Pick<Log, 'warn'>;
  passwords: Passwords;
}

export interface Origin {
  requestId: string;
  traceId: string;
}

const NOBODY: Actor = { subject: 'anonymous', name: 'anonymous', kind: 'system' };

/**
 * Judges a username and a password. An unknown name takes as long and is locked as a known one is: neither the answer nor its time says who
 * exists. Every outcome but "still locked" is in the audit trail; an unknown name is not written there, since people type passwords into the wrong field.
 */
export function createSignIn(deps: SignInDeps): (username: string, password: string, origin: Origin) => Promise<SignIn> {
  const { db, door, log, passwords } = deps;
  const strangers = new Map<string, { failures: number; at: number; lockedUntil: number }>();

  const locked = (until: number): SignIn => ({ kind: 'locked', seconds: Math.max(1, Math.ceil((until - Date.now()) / 1000)) });

  function strangerFailed(username: string): SignIn {
    const now = Date.now();
    const seen = strangers.get(username);
    // Guesses that were on their way when the lock fell do not lift it.
    if (seen && seen.lockedUntil > now) return locked(seen.lockedUntil);
    const failures = seen && now - seen.at < WINDOW_MS ? seen.failures + 1 : 1;
    strangers.delete(username);
    if (strangers.size >= 1000) for (const oldest of strangers.keys()) if (strangers.delete(oldest)) break;
    const locks = failures >= FAILURES;
    strangers.set(username, { failures: locks ? 0 : failures, at: now, lockedUntil: locks ? now + LOCK_MS : 0 });
    return { kind: 'refused' };
  }

  async function settle(person: Person, fits: boolean, origin: Origin): Promise<SignIn> {
    const actor: Actor = fits ? { subject: person.id, name: person.username, kind: 'person' } : NOBODY;
    return door.change<IdentityTables, SignIn>({ actor, ...origin }, async (tx) => {
      const row = await tx
        .selectFrom('identity.person')
        .select(['failed_attempts', 'last_failure_at', 'locked_until', 'disabled'])
        .where('id', '=', person.id)
        .forUpdate()
        .executeTakeFirstOrThrow();
      const now = Date.now();
      if (row.locked_until && row.locked_until.getTime() > now)
        return { result: locked(row.locked_until.getTime()), events: [], audit: [] };
      const object = { type: 'person', id: person.id };
      const site = siteInAudit(person.site);
      if (fits && !row.disabled) {
        if (row.failed_attempts > 0 || row.locked_until)
          await tx.updateTable('identity.person').set({ failed_attempts: 0, locked_until: null }).where('id', '=', person.id).execute();
        return {
          result: { kind: 'welcome', person },
          events: [],
          audit: [{ action: 'identity.signed_in', site, object, old: null, new: { username: person.username } }],
        };
      }
      const recent = row.last_failure_at !== null && now - row.last_failure_at.getTime() < WINDOW_MS;
      const failures = (recent ? row.failed_attempts : 0) + 1;
      const lockedUntil = failures >= FAILURES ? new Date(now + LOCK_MS) : null;
      await tx
        .updateTable('identity.person')
        .set({ failed_attempts: lockedUntil ? 0 : failures, last_failure_at: new Date(now), locked_until: lockedUntil })
        .where('id', '=', person.id)
        .execute();
      return {
        result: { kind: 'refused' },
        events: [],
        audit: [
          {
            action: 'identity.sign_in_failed',
            site,
            object,
            old: null,
            new: { username: person.username, failures, locked_until: lockedUntil?.toISOString() ?? null },
          },
        ],
      };
    });
  }

  return async (given, password, origin) => {
    const username = foldUsername(given.slice(0, MAX_PASSWORD));
    const person = await personByUsername(db, username);
    const until = person ? (person.locked_until?.getTime() ?? 0) : (strangers.get(username)?.lockedUntil ?? 0);
    if (until > Date.now()) return locked(until);
    const fits = await passwords.fits(password, person?.password_hash);
    const outcome = person ? await settle(person, fits, origin) : strangerFailed(username);
    if (outcome.kind !== 'welcome')
      log.warn({ security: true, person: person?.id ?? null, request_id: origin.requestId }, 'sign_in_refused');
    if (!person && outcome.kind !== 'locked')
      await door.record(
        { actor: NOBODY, ...origin },
        {
          rows: [],
          events: [],
          audit: [
            { action: 'identity.sign_in_failed', site: null, object: { type: 'person', id: 'unknown' }, old: null, new: { known: false } },
          ],
        },
      );
    return outcome;
  };
}

/** Names for the sign-in page of a demo; never on any other. */
export function demoPeople(db: Database): Promise<{ username: string; name: string }[]> {
  return reads<IdentityTables>(db).selectFrom('identity.person').select(['username', 'name']).orderBy('site').orderBy('username').execute();
}
