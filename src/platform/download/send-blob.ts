import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Blobs } from '../blob/blobs.ts';
import { namesTag, notModified } from '../http/conditional.ts';
import { ProblemError } from '../problem.ts';
import { byteRange } from './byte-range.ts';

export interface Download {
  sha256: string;
  contentType: string;
  /** For people; null takes the hash. */
  filename: string | null;
  /** Shown by a browser in its place; everything else is saved, never opened as a page of ours. */
  inline: boolean;
}

/** `filename` for old readers, `filename*` (RFC 8187) for what is not plain ASCII. */
function disposition({ inline, filename, sha256 }: Download): string {
  const name = filename ?? sha256.slice(0, 16);
  const plain = name.replaceAll(/[^\w .()-]/g, '_');
  const encoded = encodeURIComponent(name).replaceAll(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  return `${inline ? 'inline' : 'attachment'}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

/**
 * Sends bytes with `ETag` (their sha256), `Range`, `If-Range` and `If-None-Match`; the reader sets the pace. Bytes never change under their name, so a
 * browser may keep them for itself.
 * @throws ProblemError not_found when the bytes are gone, range_not_satisfiable, storage_unavailable
 */
export async function sendBlob(request: FastifyRequest, reply: FastifyReply, blobs: Blobs, download: Download): Promise<FastifyReply> {
  const tag = `"${download.sha256}"`;
  const found = await blobs.stat(download.sha256);
  if (!found) throw new ProblemError('not_found', { detail: 'The bytes are no longer kept' });
  const kept = () =>
    reply
      .header('cache-control', 'private, max-age=86400, immutable')
      .header('accept-ranges', 'bytes')
      .header('x-content-type-options', 'nosniff');
  if (notModified(request, reply, tag)) return kept().send();
  const ifRange = request.headers['if-range'];
  const wanted = ifRange === undefined || namesTag(String(ifRange), tag) ? request.headers.range : undefined;
  const range = byteRange(wanted, found.size);
  // An empty stream keeps the length that a GET would have; no body at all would become a length of 0.
  const bytes = request.method === 'HEAD' ? Readable.from([]) : blobs.read(download.sha256, range ?? undefined);
  // What fails before the first byte is an answer of its own: a browser would keep one with the head of the picture for a day.
  await once(bytes, 'readable');
  kept()
    .code(range ? 206 : 200)
    .type(download.contentType)
    .header('etag', tag)
    .header('content-disposition', disposition(download))
    .header('content-length', range ? range.end - range.start + 1 : found.size);
  if (range) reply.header('content-range', `bytes ${range.start}-${range.end}/${found.size}`);
  return reply.send(bytes);
}
