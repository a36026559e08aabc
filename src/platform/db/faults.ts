import pg from 'pg';
import { ProblemError } from '../problem.ts';

/** Operating system words for "the server cannot be reached"; ENOENT is a missing unix socket. */
const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EACCES',
]);
/** The driver gives these no code (pg 8.23, pg-pool 3.14). */
const DRIVER =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed|Query read timeout|Cannot use a pool after calling end|The server does not support SSL)/;

/**
 * SQLSTATEs that say the server cannot serve now, whatever the statement (PostgreSQL 18, appendix A): 08 connection, 53 resources, 57P0x shut down
 * or starting, 57014 statement time-out, 55P03 lock time-out, 25P03 idle in transaction too long, 25006 a primary that became a replica.
 */
function unavailableState(code: string): boolean {
  return code.startsWith('08') || code.startsWith('53') || code.startsWith('57P0') || ['57014', '55P03', '25P03', '25006'].includes(code);
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** Whether the fault is the database's absence rather than a wrong statement. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof ProblemError) return error.code === 'database_unavailable';
  if (error instanceof pg.DatabaseError) return unavailableState(codeOf(error));
  return error instanceof Error && (NETWORK.has(codeOf(error)) || DRIVER.test(error.message));
}

/** Narrower than `isUnavailable`: the server is not there, as opposed to one slow or locked statement. What waits for it may wait for ever. */
export function isAway(error: unknown): boolean {
  const said = error instanceof ProblemError ? error.cause : error;
  return isUnavailable(error) && !['57014', '55P03', '25P03'].includes(codeOf(said));
}

/** SQLSTATE of a fault, or '' when it has none: `sqlState(e) === '23505'`. */
export function sqlState(error: unknown): string {
  return error instanceof pg.DatabaseError ? codeOf(error) : '';
}

/** Serialization failure and deadlock: the same transaction may well pass when run again. */
export function isRetryable(error: unknown): boolean {
  const state = sqlState(error);
  return state === '40001' || state === '40P01';
}

export function unavailable(cause: unknown): ProblemError {
  return new ProblemError('database_unavailable', { detail: 'Database error', retryAfter: 2, cause });
}

/** Absence becomes a ProblemError at once; a statement's own fault (23505, 40001, ...) passes as it is, for slices and the door to judge. */
export function mapFault(error: unknown): unknown {
  return isUnavailable(error) && !(error instanceof ProblemError) ? unavailable(error) : error;
}

/** For the last handler of a request: a statement's fault that nobody judged becomes `database_error`, which tells nothing of the SQL. */
export function asProblem(error: unknown): unknown {
  const mapped = mapFault(error);
  return mapped instanceof pg.DatabaseError ? new ProblemError('database_error', { detail: 'Database error', cause: mapped }) : mapped;
}
