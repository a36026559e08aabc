import { sitePattern, wholePattern } from '../contracts/lot-id.ts';
import type { Reads } from '../platform/db/database.ts';
import type { Log } from '../platform/telemetry/log.ts';
import type { PlantFacts } from './rules.ts';
import type { IntakeTables } from './tables.ts';

/** How old the picture of the plant may be, in milliseconds: sites and stations change a few times a year. */
const FRESH_MS = 5000;

export interface Plant {
  /** Facts at most five seconds old, without a round trip on most requests. */
  now(): PlantFacts | Promise<PlantFacts>;
}

export interface PlantOptions {
  /** Lot identifiers where the site has no pattern of its own. */
  pattern: RegExp;
  log: Pick<Log, 'warn'>;
  /** Hears of the stations. */
  tell(stations: Iterable<string>): void;
}

/**
 * Reads what master data publishes of sites and stations, and keeps it for a moment. A site's pattern that is no pattern counts as none and is told in
 * the log, once each: refusing every lot would stop the line for a slip in a settings row.
 */
export function openPlant(reads: Reads<IntakeTables>, { pattern: fallback, log, tell }: PlantOptions): Plant {
  const told = new Set<string>();
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
      if (lot_id_pattern === null) continue;
      const { pattern, fault } = sitePattern(lot_id_pattern, fallback);
      patterns.set(code, pattern);
      if (fault === null || told.has(`${code} ${lot_id_pattern}`)) continue;
      told.add(`${code} ${lot_id_pattern}`);
      log.warn({ site: code, pattern: lot_id_pattern, fault }, 'lot_id_pattern_invalid');
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
