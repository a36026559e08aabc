import { answerRepeat, completeInspection, reviewDefect, reviewInspection, type Sending, settle } from '../api/changes.ts';
import { type Api, ApiProblem } from '../api/client.ts';
import type { Choice } from './outbox.ts';

/**
 * What was missed and who is right, at once: the page may be leaving, and then nothing is sent after an answer. Each has its own key, so that sending both
 * again after a break makes neither twice.
 */
async function sendSettled(
  api: Api,
  { inspection, of, right, missed }: Extract<Choice, { kind: 'settle' }>,
  how: Sending,
): Promise<unknown> {
  return await Promise.all([
    settle(api, of, right, how),
    missed ? reviewInspection(api, { id: inspection }, missed.review, { ...how, key: missed.key }) : undefined,
  ]);
}

export function sendChoice(api: Api, choice: Choice, how: Sending): Promise<unknown> {
  switch (choice.kind) {
    case 'defect':
      return reviewDefect(api, choice.defect, choice.decision, how);
    case 'look':
      return reviewInspection(api, choice.of, choice.review, how);
    case 'settle':
      return sendSettled(api, choice, how);
    case 'repeat':
      return answerRepeat(api, choice.of, choice.review, how);
    case 'verdict':
      return completeInspection(api, choice.of, choice.verdict, choice.reason, how);
  }
}

/** Out of reach, busy, starting again, or still at the first of two sendings: the same words may be taken in a moment. */
export const passes = (error: unknown): boolean =>
  error instanceof ApiProblem && ([0, 429, 502, 503, 504].includes(error.status) || error.code === 'idempotency_in_progress');
