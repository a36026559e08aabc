import { randomFillSync } from 'node:crypto';

const pool = new Uint8Array(4096);
let used = pool.length;
let lastMillis = 0;
let counter = 0;

/**
 * UUID version 7 (RFC 9562, 5.7): 48 bits of milliseconds, then a 12-bit counter within the millisecond (method 1 of 6.2) so that ids made by
 * one process sort in the order they were made, then 62 random bits. Random bytes come from a pool: one system call serves hundreds.
 */
export function uuidv7(now = Date.now()): string {
  if (used + 10 > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + 10);
  used += 10;
  if (now > lastMillis) {
    lastMillis = now;
    counter = (((random[0] ?? 0) << 8) | (random[1] ?? 0)) & 0x3ff;
  } else if (++counter > 0xfff) {
    lastMillis += 1;
    counter = 0;
  }
  const millis = lastMillis.toString(16).padStart(12, '0');
  const tail = Buffer.from(random.subarray(2, 10));
  tail[0] = ((tail[0] ?? 0) & 0x3f) | 0x80;
  const hex = tail.toString('hex');
  return `${millis.slice(0, 8)}-${millis.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${hex.slice(0, 4)}-${hex.slice(4)}`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => UUID.test(text);

/** 16 random bytes in hex: a W3C trace id (trace-context, 3.2.2.3). */
export function traceId(): string {
  return Buffer.from(randomFillSync(new Uint8Array(16))).toString('hex');
}
