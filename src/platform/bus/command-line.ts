import { userInfo } from 'node:os';
import type { Cause } from '../db/change.ts';
import type { Database } from '../db/database.ts';
import { openDoor } from '../db/door.ts';
import { traceId } from '../id.ts';
import { ProblemError } from '../problem.ts';
import { askRedrive, listParked } from './parking.ts';

export interface Wanted {
  group?: string | undefined;
  /** Of one event. */
  id?: string | undefined;
  limit: number;
}

/** The most that one call lists or redrives. */
export const MOST = 1000;

/** Prints what is set aside, a JSON object a line, the newest first. @returns words about how many there are */
export async function listDeadLetters(db: Database, { group, limit }: Wanted, print: (line: string) => void): Promise<string> {
  const found = await listParked(db, group, { state: 'parked', limit });
  for (const one of found) print(JSON.stringify(one));
  return found.length === 0 ? 'nothing is set aside' : `events set aside: ${found.length}${found.length === limit ? ', perhaps more' : ''}`;
}

function causeOf(): Cause {
  return { actor: { subject: 'command-line', name: userInfo().username, kind: 'system' }, requestId: null, traceId: traceId() };
}

/**
 * Hands events to their groups again: the platform that runs on this database delivers them within seconds, or the next that starts. Which are meant is
 * read once, so one that fails and is set aside again is not asked for a second time. @returns words about how many. @throws Error for an unknown id
 */
export async function redriveDeadLetters(db: Database, { group, id, limit }: Wanted, told: (done: number) => void): Promise<string> {
  const door = openDoor({ db, source: 'command-line' });
  const cause = causeOf();
  const all = await listParked(db, group, id === undefined ? { state: 'parked', limit } : { id, limit });
  if (id !== undefined && all.length === 0) throw new ProblemError('not_found', { detail: `No event ${id} was set aside` });
  const open = all.filter(({ state }) => state === 'parked');
  for (const [done, one] of open.entries()) {
    await askRedrive(door, cause, one.group, one.event_id);
    told(done + 1);
  }
  if (open.length === 0) return id === undefined ? 'nothing is set aside' : `the event was handed to its group before: nothing was changed`;
  return `events handed to their groups again: ${open.length}${open.length === limit ? '; there may be more' : ''}`;
}
