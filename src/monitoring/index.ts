import { type Database, reads } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import type { Slice } from '../platform/slice.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { monitoringConsumer } from './consumer.ts';
import { addGauges } from './gauges.ts';
import { monitoringRoutes } from './routes.ts';
import type { MonitoringTables } from './tables.ts';

export interface MonitoringDeps {
  db: Database;
  door: Door;
  metrics: Pick<Metrics, 'add' | 'onScrape' | 'knownStations' | 'stationLabel'>;
  settings: {
    /** Boards of a station that its drift is measured against. */
    baselineBoards: number;
  };
}

/** The measuring is measured: rates of a model, drift of a station, what people decided as a data set. */
export function monitoring({ db, door, metrics, settings }: MonitoringDeps): Slice {
  return {
    name: 'monitoring',
    routes(app) {
      addGauges(metrics, reads<MonitoringTables>(db));
      monitoringRoutes(app, { db, door, baselineBoards: settings.baselineBoards });
    },
    consumers: [monitoringConsumer({ door, baselineBoards: settings.baselineBoards })],
  };
}
