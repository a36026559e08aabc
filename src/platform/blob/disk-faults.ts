import { ProblemError } from '../problem.ts';

const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);
/** A disk that became read-only, refuses this user, fails or is gone; too many open files. */
const AWAY: ReadonlySet<unknown> = new Set(['EROFS', 'EACCES', 'EPERM', 'EIO', 'ENOTDIR', 'ENODEV', 'ESTALE', 'EMFILE', 'ENFILE']);

/** What a call to the disk failed with, as `storage_full` or `storage_unavailable`; whatever else it was, as it is. */
export function asDiskFault(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (FULL.has(code)) return new ProblemError('storage_full', { retryAfter: 60, cause: error });
  if (AWAY.has(code)) return new ProblemError('storage_unavailable', { retryAfter: 10, cause: error });
  return error;
}
