import { type Static, Type } from 'typebox';
import { nullable } from './primitives.ts';

/**
 * Every error that the platform answers, once: code, HTTP status, title (RFC 9457) and the message of the ADR envelope.
 * `docs/errors.md` is held to this table by a test. A `detail` may say more; the code never changes its meaning.
 */
export const PROBLEMS = {
  malformed_request: { status: 400, title: 'The request cannot be read', message: 'The request cannot be read' },
  malformed_json: { status: 400, title: 'The body is not JSON', message: 'The body is not valid JSON' },
  json_too_deep: { status: 400, title: 'The JSON is nested too deeply', message: 'JSON may be nested 32 levels deep' },
  upload_incomplete: { status: 400, title: 'The upload ended early', message: 'The body is shorter than announced; nothing was stored' },
  host_not_allowed: { status: 400, title: 'Unknown host', message: 'Invalid host header' },
  unauthorized: { status: 401, title: 'No valid token', message: 'A valid bearer token is required' },
  forbidden: { status: 403, title: 'Not permitted', message: 'The token does not permit this operation' },
  origin_not_allowed: { status: 403, title: 'Unknown origin', message: 'This origin may not open a stream' },
  person_required: { status: 403, title: 'A person is required', message: 'Only a person may do this, not a client' },
  not_found: { status: 404, title: 'Not found', message: 'No such resource' },
  method_not_allowed: { status: 405, title: 'Method not allowed', message: 'This path does not take this method' },
  request_timeout: { status: 408, title: 'The request took too long to arrive', message: 'The request was not complete in time' },
  transition_not_allowed: { status: 409, title: 'Not allowed in this state', message: 'The record is in a state that does not allow this' },
  idempotency_in_progress: {
    status: 409,
    title: 'The same request is still running',
    message: 'A request with this Idempotency-Key is still running',
  },
  sequence_used: {
    status: 409,
    title: 'The station number is used',
    message: 'Another inspection of this station and epoch has this station_sequence',
  },
  revision_in_use: { status: 409, title: 'The revision is in use', message: 'A lot uses this revision: make a new one' },
  lot_not_releasable: { status: 409, title: 'The lot cannot be released', message: 'The lot has inspections that are not settled' },
  ambiguous_lot: { status: 409, title: 'Two sites have this lot', message: 'Name the site with ?site=' },
  precondition_failed: { status: 412, title: 'The record has changed', message: 'If-Match does not name the current version' },
  payload_too_large: { status: 413, title: 'The body is too large', message: 'The body is larger than this path takes' },
  picture_too_large: { status: 413, title: 'The picture is too large', message: 'A picture may have 100 megapixels' },
  unsupported_media_type: { status: 415, title: 'Content type not taken', message: 'This path does not take this content type' },
  content_mismatch: {
    status: 415,
    title: 'The content is not what its type says',
    message: 'The bytes are not what the content type says',
  },
  range_not_satisfiable: { status: 416, title: 'Range not satisfiable', message: 'The range lies outside the content' },
  validation_error: { status: 422, title: 'Validation failed', message: 'Request validation failed' },
  idempotency_mismatch: {
    status: 422,
    title: 'Idempotency-Key used before',
    message: 'This Idempotency-Key was used with another request',
  },
  empty_upload: { status: 422, title: 'The upload is empty', message: 'The body has no bytes' },
  upgrade_required: { status: 426, title: 'WebSocket required', message: 'This path speaks WebSocket' },
  too_many_requests: { status: 429, title: 'Too many requests', message: 'Slow down: the limit of this client is reached' },
  header_too_large: { status: 431, title: 'The header block is too large', message: 'The request headers are too large' },
  internal_server_error: { status: 500, title: 'Unexpected error', message: 'An unexpected error occurred' },
  database_error: { status: 500, title: 'Database error', message: 'The database answered with an unexpected fault' },
  run_failed: { status: 500, title: 'The model run failed', message: 'The model run was begun and gave no answer' },
  overloaded: { status: 503, title: 'Overloaded', message: 'The service is busy: try again shortly' },
  shutting_down: { status: 503, title: 'Shutting down', message: 'The service is shutting down' },
  database_unavailable: { status: 503, title: 'Database unavailable', message: 'The database is out of reach' },
  service_unavailable: { status: 503, title: 'Service unavailable', message: 'A service of the platform is out of reach' },
  storage_full: { status: 503, title: 'Storage full', message: 'Too little of the disk is left: uploads are refused' },
  storage_unavailable: { status: 503, title: 'Storage unavailable', message: 'The store of files is out of reach' },
  deadline_exceeded: { status: 504, title: 'Not done in time', message: 'The run was not done within the time given' },
} as const satisfies Record<string, { status: number; title: string; message: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

export const ProblemDetail = Type.Object(
  {
    field: Type.String({ description: 'Path joined by " -> ", from body, query, path or header' }),
    message: Type.String(),
    invalid_value: Type.Optional(Type.Unknown({ description: 'Echoed only for fields that are not secret, at most 100 characters' })),
    constraint: Type.String(),
  },
  { $id: 'ProblemDetail', additionalProperties: false },
);
export type ProblemDetail = Static<typeof ProblemDetail>;

/** One body that is both RFC 9457 and the ADR's envelope; sent as application/problem+json. */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    instance: Type.String(),
    error: Type.Object(
      {
        code: Type.Enum(Object.keys(PROBLEMS) as ProblemCode[]),
        message: Type.String(),
        details: Type.Array(Type.Unsafe<ProblemDetail>({ $ref: 'ProblemDetail#' })),
        request_id: nullable(Type.String()),
        timestamp: Type.String({ format: 'date-time' }),
        support_info: Type.Optional(Type.String()),
      },
      { additionalProperties: false },
    ),
  },
  { $id: 'Problem', additionalProperties: false },
);
export type Problem = Static<typeof Problem>;
