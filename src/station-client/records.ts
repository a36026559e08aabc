import type { InspectionCreate } from '../contracts/inspections.ts';
import type { MeasurementCreate } from '../contracts/measurements.ts';

export type FileKind = 'image' | 'reference' | 'document' | 'measurement';

/** What a station wants told. `n` counts the entries of a folder; `key` is the Idempotency-Key of all its tries. */
interface EntryBase {
  n: number;
  key: string;
  /** The inspection it belongs to: the `key` of its post. */
  ref: string;
  /** Milliseconds since 1970: when it was queued. */
  at: number;
}
export type PostEntry = EntryBase & { t: 'post'; body: InspectionCreate };
export type FileEntry = EntryBase & { t: 'file'; kind: FileKind; type: string };
export type MeasureEntry = EntryBase & { t: 'measure'; values: MeasurementCreate[] };
export type Entry = PostEntry | FileEntry | MeasureEntry;

/** Posts that go together under one key: the same again after a crash, byte for byte. */
export interface Batch {
  key: string;
  of: number[];
}

/** Stands first in each segment: what earlier ones said and is still needed, so that they may go. */
export interface Opening {
  t: 'open';
  version: 1;
  epoch: number;
  /** The next station_sequence and the next `n`. */
  sequence: number;
  next: number;
  refs: [ref: string, id: string][];
  batch: Batch | null;
}

/**
 * `ids` of the inspections, in the order of `n`; null for what is no post. `batch`: that batch is over. `refs`, in the same order, stand here because
 * the segment of the post goes when nothing in it waits, and a file of it may still wait in a later one; older folders lack them.
 */
export interface Done {
  t: 'done';
  n: number[];
  ids: (string | null)[];
  refs?: (string | null)[];
  batch?: string;
}
/** Refused for good; its words are in the dead letters. */
export interface Dead {
  t: 'dead';
  n: number;
}
export type Sent = { t: 'batch' } & Batch;
export type BatchOver = { t: 'split'; key: string };

export type Head = Entry | Opening | Done | Dead | Sent | BatchOver;
