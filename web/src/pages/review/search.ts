import type { ReviewKind } from '../../../../src/contracts/review.ts';
import type { Show } from '../../board/board-port.tsx';

const LARGE: Record<Show, true> = { inspected: true, template: true, difference: true, heat: true };
const KINDS: Record<ReviewKind, true> = { waiting: true, severity: true, disagreement: true, audit: true, repeat: true };
export interface ReviewSearch {
  /** The place in the queue that is looked at: the inspection, and the kind unless it waits for its verdict. */
  at?: string;
  /** What of the queue is worked off; all when left out. */
  kind?: ReviewKind;
  /** The one picture that is shown large; all four when left out. */
  mode?: Show;
}
export function reviewSearch({ at, kind, mode }: Record<string, unknown>): ReviewSearch {
  return {
    ...(typeof at === 'string' && at ? { at } : {}),
    ...(typeof kind === 'string' && Object.hasOwn(KINDS, kind) ? { kind: kind as ReviewKind } : {}),
    ...(typeof mode === 'string' && Object.hasOwn(LARGE, mode) ? { mode: mode as Show } : {}),
  };
}
