import { randomBytes } from 'node:crypto';

/** Lots that the load spreads over, as a plant's week would. */
const LOTS = 900;
const LOT_DIGITS = Array.from({ length: LOTS }, (_, index) => String(1 + index).padStart(3, '0'));
const HOST = '127.0.0.1';

/** Chips and keys of one process: a random part, then a number that counts up. */
const run = randomBytes(3).toString('hex');
const keyTail = `8${randomBytes(2).toString('hex').slice(1)}`;
let serial = 0;
let keyMillis = 0;
let keyTime = '';

const item = (lot: string, chip: string): string =>
  `{"lot_id":"LOT-2026-${lot}","chip_id":"${chip}","inspection_type":"visual","priority":5,"station_metadata":{"operator":"john.doe","shift":"morning"}}`;
const chipOf = (number: number): string => `PCB-${run}-${number.toString(16).padStart(8, '0')}`;

/** A client-made UUIDv7, as a station sends it: unlike a random key it falls into today's pages of the index. */
function nextKey(number: number): string {
  const now = Date.now();
  if (now !== keyMillis) {
    keyMillis = now;
    const time = now.toString(16).padStart(12, '0');
    keyTime = `${time.slice(0, 8)}-${time.slice(8)}-7000-${keyTail}-`;
  }
  return keyTime + number.toString(16).padStart(12, '0');
}

export type Form = 'create' | 'batch_json' | 'batch_ndjson';

/** Items of one batch request: the most that the contract takes. */
export const BATCH_ITEMS = 1000;

/**
 * The bytes of one request of one client, whose lot, chip and key are written over before each use: no allocation a request. One of them can be on
 * its way at a time, so every connection has its own.
 */
export class PostRequest {
  readonly bytes: Buffer;
  readonly #keyAt: number;
  readonly #items: number[] = [];

  constructor(token: string, form: Form = 'create') {
    const one = item('001', chipOf(0));
    const items = form === 'create' ? 1 : BATCH_ITEMS;
    const separator = form === 'batch_ndjson' ? '\n' : ',';
    const joined = Array(items).fill(one).join(separator);
    const body = form === 'batch_json' ? `[${joined}]` : joined;
    const path = form === 'create' ? '/v1/inspections' : '/v1/inspections/batch';
    const type = form === 'batch_ndjson' ? 'application/x-ndjson' : 'application/json';
    const head = `POST ${path} HTTP/1.1\r\nhost: ${HOST}\r\nauthorization: Bearer ${token}\r\ncontent-type: ${type}\r\nidempotency-key: `;
    const rest = `\r\ncontent-length: ${body.length}\r\n\r\n`;
    this.bytes = Buffer.from(`${head}${'0'.repeat(36)}${rest}${body}`, 'latin1');
    this.#keyAt = head.length;
    const first = head.length + 36 + rest.length + (form === 'batch_json' ? 1 : 0);
    for (let index = 0; index < items; index += 1) this.#items.push(first + index * (one.length + 1));
  }

  /** Another lot, another chip, another key. */
  next(): Buffer {
    for (const at of this.#items) {
      serial += 1;
      this.bytes.write(LOT_DIGITS[serial % LOTS] as string, at + LOT_AT, 3, 'latin1');
      this.bytes.write(chipOf(serial), at + CHIP_AT, CHIP_LENGTH, 'latin1');
    }
    this.bytes.write(nextKey(serial), this.#keyAt, 36, 'latin1');
    return this.bytes;
  }
}
const LOT_AT = '{"lot_id":"LOT-2026-'.length;
const CHIP_AT = '{"lot_id":"LOT-2026-001","chip_id":"'.length;
const CHIP_LENGTH = chipOf(0).length;

export function getRequest(path: string, token: string, accept = 'application/json'): string {
  return `GET ${path} HTTP/1.1\r\nhost: ${HOST}\r\nauthorization: Bearer ${token}\r\naccept: ${accept}\r\n\r\n`;
}
