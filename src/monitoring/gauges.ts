import { Gauge } from '@prometheus-io/client';
import { sql } from 'kysely';
import type { Reads } from '../platform/db/database.ts';
import { cohenKappa } from '../platform/statistics/kappa.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { type AnsweredTwice, tableOf } from './agreement.ts';
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
  const repeats = metrics.add(
    (registers) =>
      new Gauge({
        name: 'review_repeats',
        help: 'Audits that are or were asked again of another person, by whose answer is asked for; done: nobody’s',
        aggregator: 'max',
        labelNames: ['state'] as const,
        registers,
      }),
  );
  const kappa = metrics.add(
    (registers) =>
      new Gauge({
        name: 'review_kappa',
        help: 'Cohen’s kappa of who answered an audit first and who answered it second, over all pairs; absent while it cannot be told',
        aggregator: 'max',
        labelNames: ['kind'] as const,
        registers,
      }),
  );
  const states = ['second', 'third', 'done'] as const;
  for (const state of states) repeats.set({ state }, 0);
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
    const twice = await sql<AnsweredTwice>`
      SELECT '' AS first_by, first_outcome, '' AS second_by, second_outcome, NULL AS third_outcome, state, count(*)::int AS n
      FROM disposition.repeat_look GROUP BY 2, 4, 6`.execute(on);
    for (const state of states)
      repeats.set(
        { state },
        twice.rows.reduce((sum, row) => sum + (row.state === state ? row.n : 0), 0),
      );
    const agreement = cohenKappa(tableOf(twice.rows)).kappa;
    kappa.reset();
    if (agreement !== null) kappa.set({ kind: 'audit' }, agreement);
    alarms.reset();
    for (const [station_id, n] of byLabel) alarms.set({ station_id }, n);
  });
}
