import type { Cause, Door } from '../platform/db/door.ts';
import type { MasterdataTables } from './tables.ts';

const SITES = [
  { code: 'hamburg', name: 'Hamburg', time_zone: 'Europe/Berlin' },
  { code: 'penang', name: 'Penang', time_zone: 'Asia/Kuala_Lumpur' },
] as const;

const at = (site: string, mark: string) => [
  { station_id: `AOI-${mark}-1`, site, name: 'Optical inspection 1', inspection_types: ['visual'], line: 'line-1' },
  { station_id: `AOI-${mark}-2`, site, name: 'Optical inspection 2', inspection_types: ['visual'], line: 'line-2' },
  { station_id: `ICT-${mark}-1`, site, name: 'In-circuit test', inspection_types: ['electrical'], line: 'line-1' },
  { station_id: `THM-${mark}-1`, site, name: 'Thermal imaging', inspection_types: ['thermal'], line: 'line-1' },
  { station_id: `DIM-${mark}-1`, site, name: 'Coordinate measuring', inspection_types: ['dimensional'], line: 'line-2' },
];
const STATIONS = [...at('hamburg', 'HH'), ...at('penang', 'PG')];

/** The two sites of the demo line and their stations. What is there already stays as it is. Answers how many stations are new. */
export function bootstrapPlant(door: Door, cause: Cause): Promise<number> {
  return door.change<MasterdataTables, number>(cause, async (tx) => {
    await tx
      .insertInto('masterdata.site')
      .values(SITES.map((site) => ({ ...site, lot_id_pattern: null })))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const { numInsertedOrUpdatedRows } = await tx
      .insertInto('masterdata.station')
      .values(STATIONS)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return { result: Number(numInsertedOrUpdatedRows ?? 0), events: [], audit: [] };
  });
}
