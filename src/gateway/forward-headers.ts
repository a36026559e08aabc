import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Of one connection, not of the message (RFC 9110, 7.6.1). */
const OF_THE_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/**
 * What the gateway says itself: who asks and by which host, in place of what the client claims. `expect` was answered by Node when the head came;
 * without `origin` the service leaves CORS to the gateway.
 */
const SAID_HERE = new Set([
  'expect',
  'forwarded',
  'host',
  'origin',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-request-id',
]);

/** Whether bytes of a body follow the head. Those of a GET are nobody's (RFC 9110, 9.3.1). */
export function hasBody({ method, headers }: IncomingMessage): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

const listed = (header: string | undefined): string[] => (header ?? '').split(',').map((name) => name.trim().toLowerCase());

/** Who asks, by which host, and under which id. */
export const saidOf = ({ id, ip, host, protocol }: FastifyRequest): string[] => [
  'x-request-id',
  id,
  'x-forwarded-for',
  ip,
  'x-forwarded-host',
  host,
  'x-forwarded-proto',
  protocol,
];

/** The headers for the service, name and value in turn, as they came: a header that came twice goes on twice, for the service to judge. */
export function headersFor(request: FastifyRequest): string[] {
  const { raw } = request;
  const named = raw.headers.connection === undefined ? [] : listed(raw.headers.connection);
  const body = hasBody(raw);
  const headers: string[] = [];
  for (let at = 0; at < raw.rawHeaders.length; at += 2) {
    const name = raw.rawHeaders[at] as string;
    const lower = name.toLowerCase();
    if (OF_THE_HOP.has(lower) || SAID_HERE.has(lower) || named.includes(lower)) continue;
    if (lower === 'content-length' && !body) continue;
    headers.push(name, raw.rawHeaders[at + 1] as string);
  }
  headers.push(...saidOf(request));
  return headers;
}

/**
 * The service's headers over those that the gateway has set already, so that none stands there twice: security headers as the service has them, CORS
 * as the gateway has it, `Vary` of both.
 */
export function takeHeaders(reply: FastifyReply, headers: IncomingHttpHeaders): void {
  const named = listed(headers.connection);
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || OF_THE_HOP.has(name) || named.includes(name) || name.startsWith('access-control-')) continue;
    const before = name === 'vary' ? reply.getHeader('vary') : undefined;
    reply.header(name, before === undefined ? value : [...new Set([...listed(String(before)), ...listed(String(value))])].join(', '));
  }
}
