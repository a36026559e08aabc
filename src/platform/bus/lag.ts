import type { Database } from '../db/database.ts';
import type { GroupLag } from './bus.ts';

/** One statement for a scrape: at most 1,000 index entries a partition. */
export async function readLag(db: Database): Promise<GroupLag[]> {
  const { rows } = await db.pool.query<GroupLag>(
    `select p.consumer_group as "group", sum(o.events)::int as events,
       coalesce(greatest(extract(epoch from now() - min(o.oldest)), 0), 0)::float8 as seconds,
       (select count(*)::int from platform.bus_parked k where k.consumer_group = p.consumer_group and k.state = 'parked') as parked
     from platform.bus_position p, lateral (
       select count(*) as events, min(occurred_at) as oldest from (
         select occurred_at from platform.outbox o
         where o.topic = p.topic and o.partition = p.partition and (o.xid, o.seq) > (p.xid, p.seq)
         order by o.xid, o.seq limit 1000) waiting) o
     group by p.consumer_group order by p.consumer_group`,
  );
  return rows;
}
