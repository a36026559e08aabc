import { sql } from 'kysely';
import type { Transaction } from '../platform/db/door.ts';
import type { MonitoringTables } from './tables.ts';
import { newWatch, type Watch } from './watch.ts';

export type Tx = Transaction<MonitoringTables>;

/** A station that looks with a version of a model. */
export interface Place {
  site: string;
  station_id: string;
  model: string;
  version: number;
}

/**
 * Boards of a station come from several lots, so from several partitions at once: they are counted one after the other. An advisory lock, because the row
 * is not there before the first board. Taken before the first write of its transaction.
 */
export async function loadWatch(tx: Tx, { site, station_id, model, version }: Place): Promise<Watch> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`watch:${site}/${station_id}/${model}/${version}`}, 0))`.execute(tx);
  const row = await tx
    .selectFrom('monitoring.station_watch')
    .select(['baseline', 'state'])
    .where('site', '=', site)
    .where('station_id', '=', station_id)
    .where('model', '=', model)
    .where('version', '=', version)
    .executeTakeFirst();
  return row ? { baseline: row.baseline, state: row.state } : newWatch();
}

/** `learnt`: the baseline is another one than was loaded. */
export async function saveWatch(tx: Tx, place: Place, { baseline, state }: Watch, learnt: boolean): Promise<void> {
  const { site, station_id, model, version } = place;
  const kept = learnt && baseline !== null ? JSON.stringify(baseline) : null;
  const now = new Date();
  await tx
    .insertInto('monitoring.station_watch')
    .values({ site, station_id, model, version, baseline: kept, state: JSON.stringify(state), updated_at: now })
    .onConflict((on) =>
      on
        .columns(['site', 'station_id', 'model', 'version'])
        .doUpdateSet({ ...(learnt ? { baseline: kept } : {}), state: JSON.stringify(state), updated_at: now }),
    )
    .execute();
}
