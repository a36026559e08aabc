import { jsonOf } from './json-once.ts';

/*
 * Arrays as PostgreSQL sends and takes them in binary (src/backend/utils/adt/arrayfuncs.c, array_send and array_recv): int32 dimensions, int32 whether
 * there are nulls, int32 oid of the element, then int32 length and int32 lower bound of the one dimension; then each element as int32 bytes (-1: null)
 * and what its type's own `*_recv` takes. All numbers big-endian. The driver sends a Buffer as a binary parameter, and `unnest($1::uuid[], $2::text[])`
 * makes rows of such columns without a parser: a third less of the server's time than `json_to_recordset` (docs/proofs/create-path.md).
 */

type Row = readonly unknown[];

/** Memory that arrays are cut from, one behind the other; what is full is left to the arrays that lie in it. */
const CHUNK = 128 * 1024;
let bytes = Buffer.allocUnsafeSlow(CHUNK);
/** Where the array that is being written begins, and where it goes on. */
let start = 0;
let at = 0;

/** Room for so many bytes more: in another chunk, to which what is written of this array moves, when this one is full. */
function reserve(more: number): void {
  if (at + more <= bytes.length) return;
  const begun = at - start;
  const next = Buffer.allocUnsafeSlow(Math.max(CHUNK, 2 * begun + more));
  bytes.copy(next, 0, start, at);
  bytes = next;
  start = 0;
  at = begun;
}

function int32(value: number, place: number): void {
  bytes[place] = value >> 24;
  bytes[place + 1] = value >> 16;
  bytes[place + 2] = value >> 8;
  bytes[place + 3] = value;
}

class Unfit extends Error {
  override readonly name = 'UnfitValue';
  constructor(type: string) {
    super(`a value is no ${type}`);
  }
}

/** Texts up to here are written byte by byte while they are ASCII: below it the step into C++ costs more. */
const SHORT = 48;

/** UTF-8 behind its length. PostgreSQL refuses U+0000; half a surrogate pair has no bytes and is refused here. */
function writeText(text: string, version = 0): void {
  const { length } = text;
  reserve(5 + 3 * length);
  let end = at + 4;
  if (version > 0) bytes[end++] = version;
  if (length <= SHORT) {
    let index = 0;
    for (; index < length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) break;
      bytes[end + index] = code;
    }
    if (index === length) {
      end += length;
      int32(end - at - 4, at);
      at = end;
      return;
    }
  }
  const size = bytes.write(text, end);
  if (size !== length && !text.isWellFormed()) throw new Unfit('Unicode text');
  end += size;
  int32(end - at - 4, at);
  at = end;
}

function writeInt64(value: number | bigint): void {
  reserve(12);
  int32(8, at);
  if (typeof value === 'bigint') bytes.writeBigInt64BE(value, at + 4);
  else {
    int32(Math.floor(value / 2 ** 32), at + 4);
    int32(value, at + 8);
  }
  at += 12;
}

function integer(value: unknown, type: string, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value > most || value < -most - 1) throw new Unfit(type);
  return value;
}

/** Of an ASCII hex digit; 255 of anything else. */
const DIGIT = new Uint8Array(128).fill(255);
for (let digit = 0; digit < 16; digit += 1) {
  DIGIT[digit.toString(16).charCodeAt(0)] = digit;
  DIGIT[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

function writeUuid(value: unknown): void {
  if (typeof value !== 'string' || value.length !== 36) throw new Unfit('uuid');
  reserve(20);
  int32(16, at);
  at += 4;
  let wrong = 0;
  for (let index = 0; index < 36; index += 2) {
    if (index === 8 || index === 13 || index === 18 || index === 23) {
      if (value.charCodeAt(index) !== 0x2d) throw new Unfit('uuid');
      index += 1;
    }
    const high = DIGIT[value.charCodeAt(index)] ?? 255;
    const low = DIGIT[value.charCodeAt(index + 1)] ?? 255;
    wrong |= high | low;
    bytes[at++] = (high << 4) | low;
  }
  if (wrong > 15) throw new Unfit('uuid');
}

/** Milliseconds from 1970 to 2000, where PostgreSQL begins to count microseconds. */
const EPOCH_2000 = 946_684_800_000;
const TIME = /^(?:\d{4}|[+-]\d{6})-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,6}))?(?:Z|[+-]\d\d:\d\d)$/;
let lastTime = '';
let lastMicros: number | bigint = 0;

/** ISO 8601 with its zone, or a Date, to the microsecond. A group tells the same moment many times. */
function writeTime(value: unknown): void {
  const text = value instanceof Date ? value.toISOString() : String(value);
  if (text !== lastTime) {
    const found = TIME.exec(text);
    const since = Date.parse(text) - EPOCH_2000;
    if (found === null || Number.isNaN(since)) throw new Unfit('time');
    const below = Number((found[1] ?? '').padEnd(6, '0').slice(3));
    const exact = Math.abs(since) < Number.MAX_SAFE_INTEGER / 1000 - 1;
    lastMicros = exact ? since * 1000 + below : BigInt(since) * 1000n + BigInt(below);
    lastTime = text;
  }
  writeInt64(lastMicros);
}

interface Element {
  oid: number;
  write(value: unknown): void;
}

const TEXT: Element = { oid: 25, write: (value) => writeText(typeof value === 'string' ? value : jsonOf(value)) };
const INT2: Element = {
  oid: 21,
  write(value) {
    const number = integer(value, 'smallint', 0x7fff);
    reserve(6);
    int32(2, at);
    bytes[at + 4] = number >> 8;
    bytes[at + 5] = number;
    at += 6;
  },
};
const INT4: Element = {
  oid: 23,
  write(value) {
    const number = integer(value, 'integer', 0x7fffffff);
    reserve(8);
    int32(4, at);
    int32(number, at + 4);
    at += 8;
  },
};
const INT8: Element = {
  oid: 20,
  write(value) {
    if (typeof value === 'number' ? !Number.isSafeInteger(value) : typeof value !== 'bigint') throw new Unfit('bigint');
    writeInt64(value as number | bigint);
  },
};

/** By the names that a slice may give its columns. `jsonb` is its text behind the number of its format, 1 (jsonb.c, jsonb_recv). */
const ELEMENTS: Readonly<Record<string, Element>> = {
  text: TEXT,
  smallint: INT2,
  int: INT4,
  integer: INT4,
  bigint: INT8,
  uuid: { oid: 2950, write: writeUuid },
  timestamptz: { oid: 1184, write: writeTime },
  json: { oid: 114, write: (value) => writeText(jsonOf(value)) },
  jsonb: { oid: 3802, write: (value) => writeText(jsonOf(value), 1) },
};

/** @throws Error for a type that has no wire format here */
export function elementOf(type: string): Element {
  const found = Object.hasOwn(ELEMENTS, type) ? ELEMENTS[type] : undefined;
  if (found === undefined) throw new Error(`No wire format for ${type}`);
  return found;
}

/**
 * One column of rows as a binary array parameter. `null` and `undefined` are NULL; a JSON text that is made already comes as a `JsonOnce`.
 * @throws UnfitValue for a value that its type cannot hold
 */
export function arrayOf(type: string, rows: readonly Row[], column: number): Buffer {
  const { oid, write } = elementOf(type);
  start = at;
  reserve(20);
  at += 20;
  let nulls = 0;
  for (const row of rows) {
    const value = row[column];
    if (value === null || value === undefined) {
      nulls = 1;
      reserve(4);
      int32(-1, at);
      at += 4;
    } else write(value);
  }
  int32(1, start);
  int32(nulls, start + 4);
  int32(oid, start + 8);
  int32(rows.length, start + 12);
  int32(1, start + 16);
  return bytes.subarray(start, at);
}
