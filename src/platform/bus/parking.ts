import type { Topic } from '../../contracts/events.ts';
import type { Cause } from '../db/change.ts';
import { type Database, type Reads, reads } from '../db/database.ts';
import type { Door, Transaction } from '../db/door.ts';
import { ProblemError } from '../problem.ts';
import type { ParkedEvent } from './bus.ts';
import { openEnvelope } from './envelope.ts';
import { type OutboxEntry, openedOf } from './outbox-reader.ts';

interface BusTables {
  'platform.bus_parked': {
    consumer_group: string;
    event_id: string;
    topic: Topic;
    partition: number;
    key: string;
    cause: string;
    attempts: number;
    event: string;
    raw: Buffer | null;
    state: 'parked' | 'redriven' | 'done';
    parked_at: Date;
    redriven_at: Date | null;
  };
}
type Tx = Transaction<BusTables>;
const view = (db: Database): Reads<BusTables> => reads<BusTables>(db);

/** Keeps an event that cannot be applied: cause, tries, bytes as they came, and an audit entry. A second time is no second row. */
export async function parkEvent(door: Door, group: string, entry: OutboxEntry, cause: string, attempts: number): Promise<void> {
  const opened = openedOf(entry);
  const { site, type, traceId } = opened.event
    ? { site: opened.event.site, type: opened.event.event_type, traceId: opened.event.trace_id }
    : { ...opened, traceId: opened.traceId ?? '0'.repeat(32) };
  const why: Cause = { actor: { subject: 'system', name: group, kind: 'system' }, requestId: null, traceId };
  await door.change(why, async (tx: Tx) => {
    const values = { cause, attempts, state: 'parked' as const };
    const made = await tx
      .insertInto('platform.bus_parked')
      .values({
        ...values,
        consumer_group: group,
        event_id: entry.eventId,
        topic: entry.topic,
        partition: entry.partition,
        key: entry.key,
        event: entry.raw ? '' : entry.text,
        raw: entry.raw ?? null,
        parked_at: new Date(),
        redriven_at: null,
      })
      .onConflict((on) =>
        on.columns(['consumer_group', 'event_id']).doUpdateSet(values).where('platform.bus_parked.state', '=', 'redriven'),
      )
      .returning('event_id')
      .executeTakeFirst();
    const audit = {
      action: 'event.parked' as const,
      site,
      object: { type: 'event', id: entry.eventId },
      old: null,
      new: { group, event_type: type, aggregate: opened.event?.aggregate ?? null, attempts },
      reason: cause,
    };
    return { result: undefined, events: [], audit: made ? [audit] : [] };
  });
}

/** Marks a parked event for another delivery. Once: who asks again while it is under way or done changes nothing. */
export async function askRedrive(door: Door, cause: Cause, group: string, eventId: string): Promise<void> {
  await door.change(cause, async (tx: Tx) => {
    const row = await tx
      .selectFrom('platform.bus_parked')
      .select(['state', 'event', 'cause'])
      .where('consumer_group', '=', group)
      .where('event_id', '=', eventId)
      .forUpdate()
      .executeTakeFirst();
    if (!row) throw new ProblemError('not_found');
    if (row.state !== 'parked') return { result: undefined, events: [], audit: [] };
    await tx
      .updateTable('platform.bus_parked')
      .set({ state: 'redriven', redriven_at: new Date() })
      .where('consumer_group', '=', group)
      .where('event_id', '=', eventId)
      .execute();
    const opened = openEnvelope(row.event);
    const audit = {
      action: 'event.redriven' as const,
      site: opened.event ? opened.event.site : opened.site,
      object: { type: 'event', id: eventId },
      old: { group, state: 'parked', cause: row.cause },
      new: { group, state: 'redriven' },
    };
    return { result: undefined, events: [], audit: [audit] };
  });
}

export async function redrivenEvents(db: Database, groups: readonly string[]): Promise<(OutboxEntry & { group: string })[]> {
  const rows = await view(db)
    .selectFrom('platform.bus_parked')
    .select(['consumer_group', 'event_id', 'topic', 'partition', 'key', 'event', 'raw'])
    .where('state', '=', 'redriven')
    .where('consumer_group', 'in', groups)
    .orderBy('event_id')
    .limit(1000)
    .execute();
  return rows.map((row) => ({
    group: row.consumer_group,
    position: { xid: 0n, seq: 0 },
    topic: row.topic,
    partition: row.partition,
    key: row.key,
    eventId: row.event_id,
    text: row.raw ? row.raw.toString('utf8') : row.event,
    ...(row.raw ? { raw: row.raw } : {}),
  }));
}

export async function finishRedriven(db: Database, group: string, eventId: string): Promise<void> {
  await view(db)
    .updateTable('platform.bus_parked')
    .set({ state: 'done' })
    .where('consumer_group', '=', group)
    .where('event_id', '=', eventId)
    .where('state', '=', 'redriven')
    .execute();
}

/** The newest first; of all groups and states, but for what is asked for. */
export async function listParked(
  db: Database,
  group?: string,
  { state, id, limit = 1000 }: { state?: ParkedEvent['state']; id?: string; limit?: number } = {},
): Promise<ParkedEvent[]> {
  let query = view(db)
    .selectFrom('platform.bus_parked')
    .select(['consumer_group as group', 'event_id', 'topic', 'key', 'cause', 'attempts', 'parked_at', 'state'])
    .orderBy('parked_at', 'desc')
    .orderBy('event_id', 'desc')
    .limit(limit);
  if (group !== undefined) query = query.where('consumer_group', '=', group);
  if (state !== undefined) query = query.where('state', '=', state);
  if (id !== undefined) query = query.where('event_id', '=', id);
  return await query.execute();
}

/** How many events each group has set aside. */
export async function countParked(db: Database): Promise<Map<string, number>> {
  const rows = await view(db)
    .selectFrom('platform.bus_parked')
    .select(['consumer_group', (eb) => eb.fn.countAll<number>().as('n')])
    .where('state', '=', 'parked')
    .groupBy('consumer_group')
    .execute();
  return new Map(rows.map((row) => [row.consumer_group, Number(row.n)]));
}
