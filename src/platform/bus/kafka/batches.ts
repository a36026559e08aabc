import type { OutMessage } from './message.ts';

export interface BatchLimits {
  messages: number;
  /** Of one partition: the broker's `max.message.bytes` (1,048,588 by default) counts such a batch as one. */
  partitionBytes: number;
  bytes: number;
}
const BATCH_LIMITS: BatchLimits = { messages: 500, partitionBytes: 900_000, bytes: 4_000_000 };

/** Head of a batch, and what a record adds to its contents at most. */
const BATCH_HEAD = 61;
const RECORD_HEAD = 40;
const HEADER_HEAD = 10;

/** Bytes of a message in a batch, a little more than they will be. */
export function sizeOf({ key, value, headers }: OutMessage): number {
  let size = BATCH_HEAD + RECORD_HEAD + Buffer.byteLength(key ?? '') + Buffer.byteLength(value ?? '');
  for (const [name, text] of Object.entries(headers)) size += HEADER_HEAD + Buffer.byteLength(name) + Buffer.byteLength(text);
  return size;
}

/**
 * Cuts messages into batches in their order. What is larger than a partition's batch may be stands in `tooLarge` instead: it could never be sent, and
 * would keep all others waiting.
 */
export function cut<M extends OutMessage>(messages: readonly M[], limits: BatchLimits = BATCH_LIMITS): { batches: M[][]; tooLarge: M[] } {
  const batches: M[][] = [];
  const tooLarge: M[] = [];
  let batch: M[] = [];
  let bytes = 0;
  let byPartition = new Map<string, number>();
  for (const message of messages) {
    const size = sizeOf(message);
    if (size > limits.partitionBytes) {
      tooLarge.push(message);
      continue;
    }
    const place = `${message.topic} ${message.partition}`;
    const held = byPartition.get(place) ?? 0;
    if (batch.length > 0 && (batch.length >= limits.messages || bytes + size > limits.bytes || held + size > limits.partitionBytes)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
      byPartition = new Map();
    }
    batch.push(message);
    bytes += size;
    byPartition.set(place, (byPartition.get(place) ?? 0) + size);
  }
  if (batch.length > 0) batches.push(batch);
  return { batches, tooLarge };
}
