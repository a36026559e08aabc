import type { Blobs } from '../platform/blob/blobs.ts';
import type { Feed } from '../platform/bus/feed.ts';
import type { Database } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import type { ListReads } from '../platform/db/replica.ts';
import type { Log } from '../platform/telemetry/log.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';

export interface IntakeSettings {
  /** Lot identifiers where the site has no pattern of its own. */
  readonly lotIdPattern: RegExp;
  /** Milliseconds after which an inspection without its inputs waits for a person. */
  readonly inputTimeoutMs: number;
  /** Bytes of an uploaded file. */
  readonly uploadLimit: number;
  /** Milliseconds for an upload to arrive. */
  readonly uploadTimeoutMs: number;
  /** Bytes of a batch. */
  readonly batchLimit: number;
  /** Bytes of inspection pictures that are kept, oldest go first; null keeps all. For the demo line only. */
  readonly pictureQuotaBytes: number | null;
  /** Milliseconds after which months of measured values go; null keeps them for ever. */
  readonly keepMeasurementsMs?: number | null;
}

export interface IntakeDeps {
  readonly db: Database;
  /** Lists of inspections and histories of units; from `db` when left out. */
  readonly lists?: ListReads;
  readonly door: Door;
  readonly feed: Pick<Feed, 'listen'>;
  readonly blobs: Blobs;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'inspection' | 'knownStations' | 'activeInspections'>;
  readonly settings: IntakeSettings;
  /** Aborted when the process begins to leave: who waits is answered with the state of then. */
  readonly draining?: AbortSignal;
}
