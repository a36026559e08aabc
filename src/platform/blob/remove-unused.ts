import type { Cause, Door, Transaction } from '../db/door.ts';
import type { Log } from '../telemetry/log.ts';
import type { Blobs } from './blobs.ts';
import { holdBlob } from './hold.ts';

export interface Unused<Tables> {
  door: Door;
  blobs: Blobs;
  log: Log;
  cause: Cause;
  /** Whether a row stands on these bytes; asked under their lock. */
  isUsed(tx: Transaction<Tables>, sha256: string): Promise<boolean>;
}

/** Takes bytes out of the store that no row stands on. What cannot be judged now is logged and stays. */
export async function removeUnused<Tables>({ door, blobs, log, cause, isUsed }: Unused<Tables>, sha256: string): Promise<void> {
  try {
    await door.change<Tables, void>(cause, async (tx) => {
      await holdBlob(tx, sha256);
      if (!(await isUsed(tx, sha256))) await blobs.remove(sha256);
      return { result: undefined, events: [], audit: [] };
    });
  } catch (error) {
    log.warn({ err: error, sha256 }, 'blob_left_behind');
  }
}
