import { Gauge } from '@prometheus-io/client';
import { sql } from 'kysely';
import type { Reads } from '../platform/db/database.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import type { MonitoringTables } from './tables.ts';

/** Looks that are asked for and open drift alarms, read at each scrape. */
export function addGauges(
  metrics: Pick<Metrics, 'add' | 'onScrape' | 'knownStations' | 'stationLabel'>,
  on: Reads<MonitoringTables>,
): void {
  const looks = metrics.add(
    (registers) =>
      new Gauge({
        name: 'review_looks_waiting',
        help: 'Looks at judged inspections that nobody has taken yet, by kind',
        aggregator: 'max',
        labelNames: ['kind'] as const,
        registers,
      }),
  );
  const alarms = metrics.add(
    (registers) =>
      new Gauge({
        name: 'drift_alarms_open',
        help: 'Drift alarms that nobody has acknowledged, by known station',
        aggregator: 'max',
        labelNames: ['station_id'] as const,
        registers,
      }),
  );
  const kinds = ['audit', 'severity', 'disagreement'] as const;
  for (const kind of kinds) looks.set({ kind }, 0);
  alarms.set({ station_id: 'other' }, 0);
  metrics.onScrape(async () => {
    const stations = await on.selectFrom('masterdata.known_station').select('station_id').limit(5000).execute();
    metrics.knownStations(stations.map(({ station_id }) => station_id));
    const waiting = await sql<{ kind: string; n: number }>`
      SELECT kind, count(*)::int AS n FROM disposition.look_taken WHERE outcome IS NULL GROUP BY kind`.execute(on);
    for (const kind of kinds) looks.set({ kind }, waiting.rows.find((row) => row.kind === kind)?.n ?? 0);
    const open = await sql<{ station_id: string; n: number }>`
      SELECT station_id, count(*)::int AS n FROM monitoring.drift_alarm WHERE state = 'open' GROUP BY station_id`.execute(on);
    const byLabel = new Map<string, number>([['other', 0]]);
    for (const { station_id, n } of open.rows) {
      const label = metrics.stationLabel(station_id);
      byLabel.set(label, (byLabel.get(label) ?? 0) + n);
    }
    alarms.reset();
    for (const [station_id, n] of byLabel) alarms.set({ station_id }, n);
  });
}
