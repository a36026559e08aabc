import type { Blobs } from '../platform/blob/blobs.ts';
import type { Database } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import type { ListReads } from '../platform/db/replica.ts';
import type { Log } from '../platform/telemetry/log.ts';

export interface MasterdataSettings {
  /** Lot identifiers where the site has no pattern of its own. */
  readonly lotIdPattern: RegExp;
  /** Bytes of an uploaded file. */
  readonly uploadLimit: number;
  /** Milliseconds for an upload to arrive. */
  readonly uploadTimeoutMs: number;
}

export interface MasterdataDeps {
  readonly db: Database;
  /** Lists of lots; from `db` when left out. */
  readonly lists?: ListReads;
  readonly door: Door;
  readonly blobs: Blobs;
  readonly log: Log;
  readonly settings: MasterdataSettings;
}
