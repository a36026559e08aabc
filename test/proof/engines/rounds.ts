import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { asking, missing } from './checker.ts';
import type { History } from './history.ts';
import type { Engine, Plant } from './plant.ts';
import { startLoad } from './stations.ts';

export interface Round {
  /** Requests under way at the moment of the kill. */
  underWay: number;
  /** From the kill to everything serving again (milliseconds), the rest before the restart included. */
  downMillis: number;
  /** Acknowledged in this round and not there. */
  gone: string[];
}

/** Load, death at a random moment, life again under the same load; then what was acknowledged is looked for. */
export async function oneRound(plant: Plant, history: History, round: number, engines: readonly Engine[]): Promise<Round> {
  const first = history.creations.length;
  const load = startLoad({ history, stations: plant.stations, bases: plant.bases }, round);
  await sleep(1500 + randomInt(3500));
  const known = history.creations.length;
  const underWay = load.underWay();
  const began = performance.now();
  await plant.kill(engines);
  await sleep(randomInt(1500));
  await plant.restart();
  const downMillis = performance.now() - began;
  await load.repeat(known, 30);
  await sleep(500);
  await load.end();
  const ids = history.creations.slice(first).flatMap((creation) => creation.ids);
  return { underWay, downMillis, gone: await asking(plant.postgres.adminUrl, (client) => missing(client, ids)) };
}

const LEFT = `select (select count(*)::int from intake.inspection i where status = 'pending'
    and exists (select 1 from intake.measurement m where m.inspection_id = i.id))
  + (select count(*)::int from inference.job where state in ('queued', 'running'))
  + (select count(*)::int from platform.outbox o
      where (o.xid, o.seq) > (select xid, seq from platform.bus_position where consumer_group = 'relay' order by xid, seq limit 1)) as n`;

/** Waits until all that has values is judged, no job is left and a relay has published all, or until nothing has moved for a minute. */
export function settle({ postgres }: Plant): Promise<void> {
  return asking(postgres.adminUrl, async (client) => {
    let left = -1;
    for (let still = Date.now() + 60_000; Date.now() < still; await sleep(250)) {
      const { rows } = await client.query<{ n: number }>(LEFT);
      const now = rows[0]?.n ?? 0;
      if (now === 0) return;
      if (now !== left) still = Date.now() + 60_000;
      left = now;
    }
  });
}
