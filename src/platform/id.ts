import { randomFillSync } from 'node:crypto';

/** Two hex digits of each byte. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** Random words from a pool: one system call serves hundreds of ids. */
const pool = new Uint32Array(1024);
let used = pool.length;
let lastMillis = 0;
let counter = 0;
/** `xxxxxxxx-xxxx-7` of the last millisecond. */
let head = '';

function word(): number {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return pool[used++] as number;
}

const hex8 = (w: number): string =>
  (HEX[w >>> 24] as string) + (HEX[(w >>> 16) & 255] as string) + (HEX[(w >>> 8) & 255] as string) + (HEX[w & 255] as string);

function startMillis(millis: number): void {
  lastMillis = millis;
  const text = millis.toString(16).padStart(12, '0');
  head = `${text.slice(0, 8)}-${text.slice(8)}-7`;
}

/**
 * UUID version 7 (RFC 9562, 5.7): 48 bits of milliseconds, then a 12-bit counter within the millisecond (method 1 of 6.2) so that ids made by
 * one process sort in the order they were made, then 62 random bits.
 */
export function uuidv7(): string {
  const now = Date.now();
  const high = word();
  if (now > lastMillis) {
    startMillis(now);
    counter = word() & 0x3ff;
  } else if (++counter > 0xfff) {
    startMillis(lastMillis + 1);
    counter = 0;
  }
  const tail = hex8((high & 0x3fffffff) | 0x80000000);
  return `${head}${((counter >>> 8) & 15).toString(16)}${HEX[counter & 255]}-${tail.slice(0, 4)}-${tail.slice(4)}${hex8(word())}`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => UUID.test(text);

/** 16 random bytes in hex: a W3C trace id (trace-context, 3.2.2.3). */
export function traceId(): string {
  return hex8(word()) + hex8(word()) + hex8(word()) + hex8(word());
}
