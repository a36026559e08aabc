import { INSPECTION_TYPES } from '../contracts/inspections.ts';
import { reads as readsOf } from '../platform/db/database.ts';
import { primaryReads } from '../platform/db/replica.ts';
import { every } from '../platform/every.ts';
import type { Slice } from '../platform/slice.ts';
import { unreadBodies } from '../platform/upload/scope.ts';
import { artifactReadRoutes, uploadRoute } from './artifact-routes.ts';
import { batchRoutes } from './batch-routes.ts';
import { createRoutes } from './create-routes.ts';
import type { IntakeDeps } from './deps.ts';
import { expireMeasurements } from './expire-measurements.ts';
import { expirePictures } from './expire-pictures.ts';
import { openPlant } from './plant.ts';
import { countActive } from './queries.ts';
import { readRoutes } from './read-routes.ts';
import { openRecorder } from './record-inspection.ts';
import { measurementRoutes } from './record-measurements.ts';
import { sequenceRoutes } from './sequence-routes.ts';
import { stateRoutes } from './state-routes.ts';
import { sweepInputs } from './sweep-inputs.ts';
import type { IntakeTables } from './tables.ts';
import { openWaiters } from './waiters.ts';

export type { IntakeDeps, IntakeSettings } from './deps.ts';

/** Milliseconds between two looks. */
const GAUGE_EVERY = 5000;
const QUOTA_EVERY = 15_000;
const RETENTION_EVERY = 600_000;
/** Share of the quota that is left after a sweep: room for what comes until the next one. */
const QUOTA_SHARE = 0.95;

/** A station's word becomes a record. */
export function intake(deps: IntakeDeps): Slice {
  const { db, door, blobs, log, metrics, settings, lists = primaryReads(db) } = deps;
  const reads = readsOf<IntakeTables>(db);
  const plant = openPlant(reads, { pattern: settings.lotIdPattern, log, tell: (stations) => metrics.knownStations(stations) });
  const recorder = openRecorder({ door, metrics });
  const waiters = openWaiters(deps.feed);
  deps.draining?.addEventListener('abort', () => waiters.close(), { once: true });

  async function refreshGauge(): Promise<void> {
    const counts = await countActive(reads);
    for (const type of INSPECTION_TYPES) metrics.activeInspections.set({ inspection_type: type }, counts.get(type) ?? 0);
  }

  const { inputTimeoutMs, pictureQuotaBytes: quota, keepMeasurementsMs: keepMs = null } = settings;
  const told = (what: string) => (error: unknown) => log.warn({ err: error }, what);
  const repeated = [
    // A tenth of the time-out, so that nothing waits for a person more than 10 % late.
    every(Math.min(30_000, Math.max(250, inputTimeoutMs / 10)), () => sweepInputs(deps), told('input_sweep_failed')),
    every(GAUGE_EVERY, refreshGauge, told('active_count_failed')),
    ...(quota === null
      ? []
      : [every(QUOTA_EVERY, () => expirePictures({ door, blobs, reads }, quota * QUOTA_SHARE), told('picture_quota_failed'))]),
    ...(keepMs === null
      ? []
      : [every(RETENTION_EVERY, () => expireMeasurements({ door, reads }, keepMs), told('measurement_retention_failed'))]),
  ];

  return {
    name: 'intake',
    async routes(app) {
      createRoutes(app, { plant, recorder });
      await batchRoutes(app, { plant, recorder, reads, batchLimit: settings.batchLimit, timeoutMs: settings.uploadTimeoutMs });
      readRoutes(app, { reads, lists, waiters });
      sequenceRoutes(app, { reads, plant });
      stateRoutes(app, { door, metrics });
      measurementRoutes(app, { door, reads });
      artifactReadRoutes(app, { reads, blobs });
      await unreadBodies(app, (scope) => uploadRoute(scope, { door, blobs, settings, log, reads }));
    },
    background: {
      async start() {
        await refreshGauge().catch(told('active_count_failed'));
        for (const one of repeated) one.start();
      },
      async stop() {
        waiters.close();
        await Promise.all(repeated.map((one) => one.stop()));
      },
    },
  };
}
