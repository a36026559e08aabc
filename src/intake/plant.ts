import { wholePattern } from '../contracts/lot-id.ts';
import type { Reads } from '../platform/db/database.ts';
import type { PlantFacts } from './rules.ts';
import type { IntakeTables } from './tables.ts';

/** How old the picture of the plant may be, in milliseconds: sites and stations change a few times a year. */
const FRESH_MS = 5000;

export interface Plant {
  /** Facts at most five seconds old, without a round trip on most requests. */
  now(): PlantFacts | Promise<PlantFacts>;
}

/** Reads what master data publishes of sites and stations, and keeps it for a moment; `tell` hears of the stations. A site's pattern that is no pattern counts as none. */
export function openPlant(reads: Reads<IntakeTables>, fallback: RegExp, tell: (stations: Iterable<string>) => void): Plant {
  const platformPattern = wholePattern(fallback.source);
  let known: PlantFacts | null = null;
  let readAt = 0;
  let reading: Promise<PlantFacts> | null = null;

  async function read(): Promise<PlantFacts> {
    const [sites, stations] = await Promise.all([
      reads.selectFrom('masterdata.site_rule').select(['code', 'lot_id_pattern']).execute(),
      reads.selectFrom('masterdata.known_station').select(['station_id', 'site']).execute(),
    ]);
    const patterns = new Map<string, RegExp>();
    for (const { code, lot_id_pattern } of sites) {
      try {
        if (lot_id_pattern !== null) patterns.set(code, wholePattern(lot_id_pattern));
      } catch {
        patterns.delete(code);
      }
    }
    const siteOf = new Map(stations.map(({ station_id, site }) => [station_id, site]));
    known = { lotIdPattern: (site) => patterns.get(site) ?? platformPattern, siteOf: (station) => siteOf.get(station) };
    readAt = performance.now();
    tell(siteOf.keys());
    return known;
  }

  return {
    now() {
      if (known !== null && performance.now() - readAt < FRESH_MS) return known;
      reading ??= read().finally(() => {
        reading = null;
      });
      return reading;
    },
  };
}
