import { crc32 } from 'node:zlib';

/** Bytes of one record: a file of 64 MiB and what is said of it. A greater length can only be damage. */
export const MAX_RECORD = 72 * 1024 * 1024;
/** Length of the payload and CRC-32 of length and payload, both 32 bits, little-endian. */
const PREFIX = 8;
/** Length of the head, the JSON of which is followed by bytes of a file or nothing. */
const HEAD = 4;

const NOTHING = new Uint8Array(0);

/** One record as it stands in a segment. */
export function encodeFrame(head: unknown, body: Uint8Array = NOTHING): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const length = HEAD + text.length + body.length;
  if (length > MAX_RECORD) throw new RangeError(`A record may have ${MAX_RECORD} bytes`);
  const frame = Buffer.allocUnsafe(PREFIX + length);
  frame.writeUInt32LE(length, 0);
  frame.writeUInt32LE(text.length, PREFIX);
  text.copy(frame, PREFIX + HEAD);
  frame.set(body, PREFIX + HEAD + text.length);
  frame.writeUInt32LE(checksum(frame), 4);
  return frame;
}

function checksum(frame: Buffer): number {
  return crc32(frame.subarray(PREFIX), crc32(frame.subarray(0, 4)));
}

export interface Frame {
  head: unknown;
  /** Shares its memory with the bytes that were read. */
  body: Uint8Array;
  /** Bytes of the whole record. */
  size: number;
}

/** The record that begins here, or null when what stands here is no whole record: cut short, overwritten, or never written. */
export function readFrame(bytes: Buffer, at: number): Frame | null {
  if (at + PREFIX + HEAD > bytes.length) return null;
  const length = bytes.readUInt32LE(at);
  if (length < HEAD || length > MAX_RECORD || at + PREFIX + length > bytes.length) return null;
  const frame = bytes.subarray(at, at + PREFIX + length);
  const headLength = frame.readUInt32LE(PREFIX);
  if (headLength > length - HEAD) return null;
  if (checksum(frame) !== frame.readUInt32LE(4)) return null;
  try {
    const head: unknown = JSON.parse(frame.toString('utf8', PREFIX + HEAD, PREFIX + HEAD + headLength));
    return { head, body: frame.subarray(PREFIX + HEAD + headLength), size: frame.length };
  } catch {
    return null;
  }
}

/** Every whole record from the beginning on, and where they end: what stands behind is a tail that was being written when the power went. */
export function readFrames(bytes: Buffer, each: (frame: Frame, at: number) => void): number {
  let at = 0;
  for (let frame = readFrame(bytes, at); frame !== null; frame = readFrame(bytes, at)) {
    each(frame, at);
    at += frame.size;
  }
  return at;
}

/** Every whole record behind a place where none begins. */
export function framesBehind(bytes: Buffer, from: number): { frame: Frame; at: number }[] {
  const found: { frame: Frame; at: number }[] = [];
  const begins = PREFIX + HEAD;
  // A head begins with a brace: only there the checksum is worth its time.
  for (let brace = bytes.indexOf(0x7b, from + begins); brace !== -1; brace = bytes.indexOf(0x7b, brace + 1)) {
    let at = brace - begins;
    for (let frame = readFrame(bytes, at); frame !== null; frame = readFrame(bytes, at)) {
      found.push({ frame, at });
      at += frame.size;
      brace = at - 1;
    }
  }
  return found;
}
