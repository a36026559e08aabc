import { randomFillSync } from 'node:crypto';

/** The two hex digits of each byte. */
const HIGH = Buffer.alloc(256);
const LOW = Buffer.alloc(256);
for (let byte = 0; byte < 256; byte++) {
  const digits = byte.toString(16).padStart(2, '0');
  HIGH[byte] = digits.charCodeAt(0);
  LOW[byte] = digits.charCodeAt(1);
}
/** Random words from a pool: one system call serves hundreds of ids. */
const pool = new Uint32Array(1024);
let used = pool.length;
let lastMillis = 0;
let counter = 0;
/** A clock that is behind the last id by more was set back: ids follow it. By less (a step of time service, ids that borrowed) they go on in order. */
const BEHIND_MS = 1000;
/** The text of an id, written in place and copied out: half the time of putting it together from pieces, and no pieces for the collector. */
const text = Buffer.alloc(36, '-');

function word(): number {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return pool[used++] as number;
}

function hex(at: number, byte: number): void {
  text[at] = HIGH[byte] as number;
  text[at + 1] = LOW[byte] as number;
}
function hex4(at: number, bytes: number): void {
  hex(at, (bytes >>> 8) & 255);
  hex(at + 2, bytes & 255);
}

/** `xxxxxxxx-xxxx-7` of a millisecond. */
function startMillis(millis: number): void {
  lastMillis = millis;
  const digits = millis.toString(16).padStart(12, '0');
  text.write(`${digits.slice(0, 8)}-${digits.slice(8)}-7`, 0, 'latin1');
}

/**
 * UUID version 7 (RFC 9562, 5.7): 48 bits of milliseconds, then a 12-bit counter within the millisecond (method 1 of 6.2) so that ids made by
 * one process sort in the order they were made, then 62 random bits. After a clock was set back they sort by the new time: `created_at` is read from
 * them, and time-outs count by it.
 */
export function uuidv7(): string {
  const now = Date.now();
  const high = word();
  if (now > lastMillis || now < lastMillis - BEHIND_MS) {
    startMillis(now);
    counter = word() & 0x3ff;
  } else if (++counter > 0xfff) {
    startMillis(lastMillis + 1);
    counter = 0;
  }
  const low = word();
  text[15] = LOW[(counter >>> 8) & 15] as number;
  hex(16, counter & 255);
  hex4(19, ((high >>> 16) & 0x3fff) | 0x8000);
  hex4(24, high & 0xffff);
  hex4(28, low >>> 16);
  hex4(32, low & 0xffff);
  return text.toString('latin1');
}

/** Milliseconds since 1970 in a `uuidv7`. */
export const millisOfId = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

let toldHead = '';
let toldTime = '';
/** The millisecond of a `uuidv7` as a time of RFC 3339; the text is made once a millisecond. */
export function timeOfId(id: string): string {
  const head = id.slice(0, 13);
  if (head !== toldHead) {
    toldHead = head;
    toldTime = new Date(millisOfId(id)).toISOString();
  }
  return toldTime;
}

/** The smallest or greatest `uuidv7` of a millisecond since 1970: a span of time is a span of ids, and the index on ids serves both. */
export function idBound(millis: number, end: 'first' | 'last'): string {
  const digits = Math.trunc(Math.min(Math.max(millis, 0), 2 ** 48 - 1))
    .toString(16)
    .padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}-${end === 'first' ? '7000-8000-000000000000' : '7fff-bfff-ffffffffffff'}`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => UUID.test(text);

const UUIDV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
/** Whether an id names its millisecond. */
export const isUuidv7 = (text: string): boolean => UUIDV7.test(text);

/** 16 random bytes in hex: a W3C trace id (trace-context, 3.2.2.3). */
export function traceId(): string {
  let digits = '';
  for (let at = 0; at < 4; at++) digits += word().toString(16).padStart(8, '0');
  return digits;
}
