import type { Readable } from 'node:stream';

/** How long a store may take for a file of so many bytes (milliseconds): the slowest line over which files are sent is 0.5 MiB/s, and ten seconds. */
export const longestSendMs = (size: number): number => 10_000 + size / 524;

export interface BlobFacts {
  /** Hex digits; the name of the bytes. */
  sha256: string;
  size: number;
}

/** Bytes that have arrived whole and are not kept yet. Exactly one of `publish` and `discard` ends it; `discard` after `publish` does nothing. */
export interface Staged extends BlobFacts {
  /** A local file with the bytes, for checks before they get their name. Gone after `publish` and `discard`. */
  readonly path: string;
  /**
   * What of `publish` takes time where the store is far away, to be done before a transaction: within it `publish` then only makes sure. Answers whether
   * the bytes may have their name now; who fails from there on removes them when nobody else stands on them.
   * @throws ProblemError storage_unavailable
   */
  send(): Promise<boolean>;
  /**
   * Durable under their hash when this returns. Publishing bytes that are there already is free.
   * @throws ProblemError storage_unavailable
   */
  publish(): Promise<void>;
  discard(): Promise<void>;
}

export interface Intake {
  /** Bytes; one more throws ProblemError payload_too_large with nothing kept. */
  limit: number;
  signal?: AbortSignal;
}

/**
 * Files by content: two uploads of the same bytes are one blob. Memory is bounded whatever the size. Who refers to a blob is the business of the
 * tables: `remove` is for a caller that holds the blob's lock (`pg_advisory_xact_lock(hashtextextended('blob:' || sha256, 0))`), so that nobody
 * publishes the same bytes between the look and the removal. A store that cannot be reached, or that refuses us, is ProblemError storage_unavailable
 * everywhere, after a bounded time, and never looks like bytes that are missing.
 */
export interface Blobs {
  /** @throws ProblemError payload_too_large, storage_full, storage_unavailable; what the stream throws; the signal's reason. */
  stage(source: AsyncIterable<Uint8Array>, intake: Intake): Promise<Staged>;
  /** `end` is the last byte, inclusive, as in HTTP. The stream fails with ENOENT when the bytes are not there. */
  read(sha256: string, range?: { start: number; end: number }): Readable;
  stat(sha256: string): Promise<{ size: number } | null>;
  /** Removing what is not there is no fault. */
  remove(sha256: string): Promise<void>;
  /** What keeps files from being taken or given now, in words for people; null when nothing is known to. */
  trouble(): Promise<string | null>;
  close(): Promise<void>;
}

const NAME = /^[0-9a-f]{64}$/;

/** Where a blob stands in its store: `ab/<sha256>`. @throws Error for what is no hash */
export function placeOf(sha256: string): string {
  if (!NAME.test(sha256)) throw new Error('not the name of a blob');
  return `${sha256.slice(0, 2)}/${sha256}`;
}
