import type { IncomingHttpHeaders } from 'node:http';
import { ProblemError } from '../problem.ts';

/** The sha256 that the sender announced, in hex: `X-Content-SHA256` (hex), `Content-Digest` (RFC 9530) or `Digest` (RFC 3230); null when none. */
export function announcedSha256(headers: IncomingHttpHeaders, isForm: boolean): string | null {
  const plain = headers['x-content-sha256'];
  if (typeof plain === 'string') return plain.trim().toLowerCase();
  // Of a form, the digest headers describe the form, not the file in it.
  if (isForm) return null;
  const structured = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):/i.exec(String(headers['content-digest'] ?? ''))?.[1];
  const old = /(?:^|,)\s*sha-256=([A-Za-z0-9+/]+=*)/i.exec(String(headers.digest ?? ''))?.[1];
  const base64 = structured ?? old;
  return base64 === undefined ? null : Buffer.from(base64, 'base64').toString('hex');
}

/** @throws ProblemError upload_incomplete when the bytes are not the announced ones */
export function holdToDigest(announced: string | null, sha256: string): void {
  if (announced !== null && announced !== sha256)
    throw new ProblemError('upload_incomplete', { detail: 'The bytes that arrived do not have the announced sha256; nothing was stored' });
}
