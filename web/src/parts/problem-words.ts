import type { TFunction } from 'i18next';
import type { ProblemDetail } from '../../../src/contracts/problems.ts';
import { ApiProblem } from '../api/client.ts';

/** The name of the field that a detail is about, without the path to it: `body -> thresholds -> open` is `open`. */
const fieldOf = ({ field }: ProblemDetail) => field.split(' -> ').at(-1) ?? field;

const CONSTRAINTS = ['required', 'minLength', 'maxLength', 'minimum', 'maximum', 'pattern', 'type'] as const;
/** What is wrong with one field. A rule that has no words of its own is told as the platform tells it, which is in English. */
function detailWords(t: TFunction, { constraint, message }: ProblemDetail): string {
  const known = CONSTRAINTS.find((name) => name === constraint);
  return known ? t(`problem.field.${known}`) : message;
}

/** Faults by field, to be shown at the inputs that ask for them. */
export function fieldFaults(t: TFunction, error: unknown): Readonly<Record<string, string>> {
  if (!(error instanceof ApiProblem) || error.code !== 'validation_error') return {};
  return Object.fromEntries(error.details.map((detail) => [fieldOf(detail), detailWords(t, detail)]));
}

/**
 * Any fault in one sentence of the reader's language, by its code and never by the text of a browser. What only the platform knows (which inspections
 * block a release, say) follows as it says it. `shown` are the fields that show their own fault.
 */
export function problemWords(t: TFunction, error: unknown, shown: readonly string[] = []): string {
  if (!(error instanceof ApiProblem)) return t('problem.code.unknown');
  const { code, status, details, message, requestId } = error;
  switch (code) {
    case 'validation_error': {
      const rest = details.filter((detail) => !shown.includes(fieldOf(detail)));
      const faults = rest.map((detail) => `${fieldOf(detail)}: ${detailWords(t, detail)}`).join('; ');
      if (faults) return t('problem.code.validation_error_of', { faults });
      return details.length > 0 ? t('problem.code.validation_error') : t('problem.code.refused', { says: message });
    }
    case 'lot_not_releasable':
    case 'transition_not_allowed':
      return `${t(`problem.code.${code}`)} ${t('problem.says', { says: message })}`;
    case 'unreachable':
    case 'precondition_failed':
    case 'idempotency_mismatch':
    case 'idempotency_in_progress':
    case 'ambiguous_lot':
    case 'forbidden':
    case 'not_found':
    case 'too_many_requests':
    case 'overloaded':
    case 'shutting_down':
    case 'database_unavailable':
    case 'storage_full':
    case 'storage_unavailable':
    case 'service_unavailable':
    case 'deadline_exceeded':
      return t(`problem.code.${code}`);
    default:
      return status >= 500
        ? [t('problem.code.server'), requestId ? t('problem.request', { id: requestId }) : ''].filter(Boolean).join(' ')
        : t('problem.code.refused', { says: message });
  }
}
