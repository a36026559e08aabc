import { isUuid, uuidv7 } from '../id.ts';

/** Request ids of clients are taken over when they look like one: no spaces, nothing that breaks a log line or a header. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
export const sanRequestId = (given: unknown): given is string => typeof given === 'string' && REQUEST_ID.test(given);

/** `00-<trace>-<span>-<flags>` (W3C Trace Context, 3.2); a version above 00 may carry more behind. Zeros are no trace. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:$|-)/;

/** The trace id of a `traceparent` header, or `undefined`. */
export function traceOf(header: unknown): string | undefined {
  if (typeof header !== 'string') return undefined;
  const found = TRACEPARENT.exec(header);
  const trace = found?.[1];
  if (trace === undefined || /^0+$/.test(trace) || /^0+$/.test(found?.[2] ?? '0')) return undefined;
  return trace;
}

/** A trace id for a request that brought none: the digits of its own id when that is a UUID, so that the one is found by the other. */
export function traceFor(requestId: string): string {
  const id = isUuid(requestId) ? requestId.toLowerCase() : uuidv7();
  return id.slice(0, 8) + id.slice(9, 13) + id.slice(14, 18) + id.slice(19, 23) + id.slice(24);
}
