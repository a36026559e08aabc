import type { Database } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import type { Slice } from '../platform/slice.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { dispositionConsumer } from './consumer.ts';
import type { ReviewSettings } from './looks.ts';
import { readRoutes } from './read-routes.ts';
import { decisionRoutes } from './routes.ts';

export interface DispositionDeps {
  db: Database;
  door: Door;
  metrics: Pick<Metrics, 'inspection'>;
  settings: ReviewSettings;
}

/** Findings become a verdict, or a person must look; a lot is held or released. */
export function disposition({ db, door, metrics, settings }: DispositionDeps): Slice {
  return {
    name: 'disposition',
    routes(app) {
      readRoutes(app, { db });
      decisionRoutes(app, { door, metrics });
    },
    consumers: [dispositionConsumer({ door, metrics, review: settings })],
  };
}
