import type { Database } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import type { Slice } from '../platform/slice.ts';
import { monitoringRoutes } from './routes.ts';

export interface MonitoringDeps {
  db: Database;
  door: Door;
}

/** The measuring is measured: rates of a model, drift of a station, what people decided as a data set. */
export function monitoring({ db, door }: MonitoringDeps): Slice {
  return {
    name: 'monitoring',
    routes(app) {
      monitoringRoutes(app, { db, door });
    },
  };
}
