import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from '../problem.ts';

/** `ETag: "3"` of a record at version 3. */
export function etag(reply: FastifyReply, version: number): void {
  reply.header('etag', `"${version}"`);
}

/** Whether a list of entity tags (`If-Match`, `If-None-Match`; RFC 9110, 8.8 and 13.1) names the tag; weak tags only where `weak` allows. */
export function namesTag(header: string, tag: string, weak = false): boolean {
  if (header.trim() === '*') return true;
  for (const item of header.split(',')) {
    const text = item.trim();
    if (text === tag || (weak && text === `W/${tag}`)) return true;
  }
  return false;
}

/**
 * `If-Match` must name the version that is there now; without the header everything may pass. 0 stands for a record that is not there yet: `*` means one
 * that is. @throws ProblemError precondition_failed
 */
export function expectVersion(request: FastifyRequest, currentVersion: number): void {
  const given = request.headers['if-match'];
  if (given === undefined) return;
  if ((currentVersion === 0 && given.trim() === '*') || !namesTag(given, `"${currentVersion}"`))
    throw new ProblemError('precondition_failed', { headers: { etag: `"${currentVersion}"` } });
}

/** 304 when `If-None-Match` names the tag of what would be sent. Answers whether it did. */
export function notModified(request: FastifyRequest, reply: FastifyReply, tag: string): boolean {
  const given = request.headers['if-none-match'];
  if (given === undefined || !namesTag(given, tag, true)) return false;
  reply.header('etag', tag).code(304);
  return true;
}
