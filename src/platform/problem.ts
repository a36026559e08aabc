import { PROBLEMS, type ProblemCode, type ProblemDetail } from '../contracts/problems.ts';

/** Thrown anywhere below a route; the HTTP layer turns it into the error body. The code comes from the one table. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  readonly status: number;
  readonly details: readonly ProblemDetail[];
  /** Seconds after which a try again makes sense; sent as `Retry-After`. */
  readonly retryAfter: number | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    more: { detail?: string; details?: ProblemDetail[]; retryAfter?: number; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(more.detail ?? PROBLEMS[code].message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.status = PROBLEMS[code].status;
    this.details = more.details ?? [];
    this.retryAfter = more.retryAfter;
    this.headers = more.headers ?? {};
  }
}

/** What an error says again of a long text: never half a character, which strict readers of JSON refuse. */
export const beginningOf = (text: string): string => text.slice(0, 100).toWellFormed();

/** A value that passes its schema and breaks a rule: 422 with the field and the rule's name. */
export function invalid(field: string, message: string, constraint: string, invalidValue?: unknown): ProblemError {
  const detail: ProblemDetail = { field, message, constraint };
  if (invalidValue !== undefined) detail.invalid_value = typeof invalidValue === 'string' ? beginningOf(invalidValue) : invalidValue;
  return new ProblemError('validation_error', { details: [detail] });
}

/** Ends what is done for a client that is gone. Nobody reads it: it makes the request go the way of every other that fails. */
export const clientLeft = (): ProblemError => new ProblemError('malformed_request', { detail: 'The client left before it was answered' });
