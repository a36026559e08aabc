import { type AnyEvent, EVENT_TYPES, TOPICS } from '../../../src/contracts/events.ts';
import { PARTITIONS } from '../../../src/platform/db/envelope.ts';
import { readTopic } from '../../support/kafka-topics.ts';
import { readEvents } from '../events.ts';
import { asking } from './checker.ts';
import type { Plant } from './plant.ts';

export interface Published {
  /** Ids as they were heard, each once. */
  ids: string[];
  /** Heard more often than once: allowed on the wire. */
  again: number;
  /** Records whose versions first stand in a topic in another order than their own. */
  disordered: string[];
}

/** By a client of its own, from the beginning: the topics where there is a broker, the live stream where there is none. */
export async function readPublished(plant: Plant): Promise<Published> {
  const events: AnyEvent[] = [];
  if (plant.topics === null) {
    const written = await asking(plant.postgres.adminUrl, async (client) => {
      const { rows } = await client.query<{ n: number }>('select count(*)::int as n from platform.outbox');
      return rows[0]?.n ?? 0;
    });
    events.push(...(await readEvents(plant.bases[0] ?? '', await plant.tokenOfPerson('admin'), [...EVENT_TYPES], written)));
  } else
    for (const topic of TOPICS)
      for (const { value } of await readTopic(plant.topics.brokers, `${plant.topics.prefix}${topic}`, PARTITIONS))
        events.push(JSON.parse(value.toString()) as AnyEvent);
  const ids = new Set<string>();
  const last = new Map<string, number>();
  const disordered = new Set<string>();
  for (const { event_id, aggregate } of events) {
    if (ids.has(event_id)) continue;
    ids.add(event_id);
    const record = `${aggregate.type} ${aggregate.id}`;
    if (aggregate.version < (last.get(record) ?? 0)) disordered.add(record);
    last.set(record, Math.max(aggregate.version, last.get(record) ?? 0));
  }
  return { ids: [...ids], again: events.length - ids.size, disordered: [...disordered] };
}
