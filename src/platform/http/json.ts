import { isUtf8 } from 'node:buffer';
import secureJson from 'secure-json-parse';
import { ProblemError } from '../problem.ts';

/** Levels of arrays and objects that a body may nest. */
export const MAX_DEPTH = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether JSON text opens more than `limit` arrays and objects inside each other; brackets in strings do not count. One pass, no parse. */
export function deeperThan(text: Uint8Array, limit: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at];
    if (byte === QUOTE) {
      for (at++; at < text.length && text[at] !== QUOTE; at++) if (text[at] === BACKSLASH) at++;
    } else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > limit) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return false;
}

/**
 * An escape that could be U+0000 or half a surrogate pair, or a number that could leave double precision: only then is the parsed value walked. Digits are
 * counted from the first of them alone: from each of them, 16 MiB of numbers would take seconds.
 */
const SUSPECT = /\\u(?:0000|[dD][89a-fA-F])|\d[eE]\+?\d{3}|(?<!\d)\d{309}/;

/** Path of the first value that cannot be kept: U+0000, an unpaired surrogate, a number beyond double precision (it would end as null); `undefined`: none. */
export function unstorable(value: unknown, path: readonly string[] = []): string[] | undefined {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed() ? [...path] : undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : [...path];
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, item] of Object.entries(value)) {
    if (unstorable(name) !== undefined) return [...path];
    const found = unstorable(item, [...path, name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** UTF-8; what is none becomes U+FFFD. */
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');

/**
 * Bytes to a JSON value without `__proto__` and `constructor.prototype`, as which an object would not be what it says. `text` is what they are as text,
 * where somebody has read it already.
 * @throws ProblemError malformed_json, json_too_deep
 */
export function parseJson(bytes: Uint8Array, text = textOf(bytes)): unknown {
  if (!isUtf8(bytes)) throw new ProblemError('malformed_json', { detail: 'The body is not UTF-8' });
  if (deeperThan(bytes, MAX_DEPTH)) throw new ProblemError('json_too_deep');
  try {
    return secureJson.parse(text);
  } catch (cause) {
    throw new ProblemError('malformed_json', { cause });
  }
}

/** Whether the value of this JSON text may hold what cannot be kept, and has to be walked. */
export const isSuspect = (text: string): boolean => SUSPECT.test(text);

/** @throws ProblemError validation_error (422) for U+0000, unpaired surrogates and numbers beyond double precision */
export function requireStorable(value: unknown): void {
  const path = unstorable(value);
  if (path === undefined) return;
  throw new ProblemError('validation_error', {
    details: [
      {
        field: ['body', ...path].join(' -> ').replaceAll('\0', '').toWellFormed(),
        message: 'U+0000, unpaired surrogates and numbers beyond double precision cannot be kept',
        constraint: 'storable',
      },
    ],
  });
}

/**
 * As `parseJson`, and what cannot be kept is refused.
 * @throws ProblemError malformed_json (400), json_too_deep (400), validation_error (422) as `requireStorable`
 */
export function readJson(bytes: Uint8Array, text = textOf(bytes)): unknown {
  const value = parseJson(bytes, text);
  if (isSuspect(text)) requireStorable(value);
  return value;
}
