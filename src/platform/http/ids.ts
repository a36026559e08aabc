import { isUuid } from '../id.ts';
import { ProblemError } from '../problem.ts';

/** A malformed id, an unknown one and one of another site get the same answer. @throws ProblemError not_found */
export function requireUuid(id: string): string {
  if (!isUuid(id)) throw new ProblemError('not_found');
  return id.toLowerCase();
}
