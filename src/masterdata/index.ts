import { reads as readsOf } from '../platform/db/database.ts';
import type { Cause } from '../platform/db/door.ts';
import { primaryReads } from '../platform/db/replica.ts';
import type { Slice } from '../platform/slice.ts';
import { unreadBodies } from '../platform/upload/scope.ts';
import { bootstrapPlant } from './bootstrap.ts';
import type { MasterdataDeps } from './deps.ts';
import { lotRoutes } from './lot-routes.ts';
import { plantRoutes } from './plant-routes.ts';
import { productRoutes, templateRoute } from './product-routes.ts';
import type { MasterdataTables } from './tables.ts';

export type { MasterdataDeps, MasterdataSettings } from './deps.ts';

export interface Masterdata extends Slice {
  /** Sites and stations of the embedded demo; idempotent. Answers how many stations are new. */
  bootstrap(cause: Cause): Promise<number>;
}

/** What a line needs to know before the first unit arrives: sites, stations, products and their revisions, lots. */
export function masterdata(deps: MasterdataDeps): Masterdata {
  const { db, door, settings, lists = primaryReads(db) } = deps;
  const reads = readsOf<MasterdataTables>(db);
  return {
    name: 'masterdata',
    bootstrap: (cause) => bootstrapPlant(door, cause),
    async routes(app) {
      plantRoutes(app, reads);
      productRoutes(app, { ...deps, reads });
      lotRoutes(app, { door, settings, reads, lists });
      await unreadBodies(app, (scope) => templateRoute(scope, { ...deps, reads }));
    },
  };
}
