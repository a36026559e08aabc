import { PROBLEMS, type Problem, type ProblemCode, type ProblemDetail } from '../../contracts/problems.ts';
import { ProblemError } from '../problem.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';
const SUPPORT = 'Contact support with request_id for assistance';

/** RFC 9457 and the ADR's envelope in one body. `instance` is the address, or its template for `not_found`, so that one 404 tells nothing of another. */
export function problemBody(error: ProblemError, instance: string, requestId: string | null): Problem {
  const known = PROBLEMS[error.code];
  return {
    type: `urn:chip-quality-platform:problem:${error.code}`,
    title: known.title,
    status: known.status,
    detail: error.message,
    instance,
    error: {
      code: error.code,
      message: known.message,
      details: [...error.details] as ProblemDetail[],
      request_id: requestId,
      timestamp: new Date().toISOString(),
      ...(known.status === 500 ? { support_info: SUPPORT } : {}),
    },
  };
}

/** Every fault in words, the fields first: all that `{error}` can say. */
function wordsOf({ code, message, details }: ProblemError): string {
  if (details.length === 0) return message;
  const faults = details.map((detail) => `${detail.field}: ${detail.message}`).join('; ');
  return code === 'validation_error' ? faults : `${message}: ${faults}`;
}

/** An error as the route writes its errors (see `errors` of a route): status, content type and text. */
export function errorText(
  error: ProblemError,
  { form, instance, requestId }: { form: 'problem' | 'message' | undefined; instance: string; requestId: string | null },
): { status: number; type: string; text: string } {
  if (form !== 'message')
    return { status: error.status, type: PROBLEM_TYPE, text: JSON.stringify(problemBody(error, instance, requestId)) };
  const text = JSON.stringify({ error: wordsOf(error).toWellFormed() });
  return { status: error.status === 422 ? 400 : error.status, type: 'application/json; charset=utf-8', text };
}

/** Codes that Fastify throws by itself, before or around our own code. */
const FASTIFY_CODES: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'upload_incomplete',
  FST_ERR_BAD_URL: 'not_found',
  FST_ERR_NOT_FOUND: 'not_found',
  FST_ERR_HANDLER_TIMEOUT: 'overloaded',
  ECONNRESET: 'upload_incomplete',
};

/** What the client is told of a fault that is no ProblemError; `undefined` means: unexpected, a 500. */
export function problemOf(error: { code?: unknown; statusCode?: unknown }): ProblemError | undefined {
  const code = typeof error.code === 'string' ? FASTIFY_CODES[error.code] : undefined;
  if (code !== undefined) return new ProblemError(code, { cause: error, ...(PROBLEMS[code].status === 503 ? { retryAfter: 2 } : {}) });
  const status = Number(error.statusCode);
  if (status === 413) return new ProblemError('payload_too_large', { cause: error });
  if (status === 415) return new ProblemError('unsupported_media_type', { cause: error });
  if (status === 416) return new ProblemError('range_not_satisfiable', { cause: error });
  if (status === 404) return new ProblemError('not_found', { cause: error });
  if (status === 429) return new ProblemError('too_many_requests', { cause: error, retryAfter: 1 });
  if (status >= 400 && status < 500) return new ProblemError('malformed_request', { cause: error });
  return undefined;
}
