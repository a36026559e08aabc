import type { Defect } from '../../../../src/contracts/defects.ts';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import type { Disagreement, SettleRequest } from '../../../../src/contracts/models.ts';
import type { InspectionReview, Repeat, RepeatReview } from '../../../../src/contracts/review.ts';
import type { Decision } from '../../api/changes.ts';

/** Decisions wait this long before they are sent, so that a slip is taken back without a trace. */
export const UNDO_MS = 4_000;

/** `item` is the place in the queue that it was said at: an inspection may stand there for more than one reason. */
export type Choice = { inspection: string; item: string } & (
  | { kind: 'defect'; defect: Pick<Defect, 'id' | 'version'>; decision: Decision }
  | { kind: 'verdict'; of: Pick<Inspection, 'id' | 'version'>; verdict: 'pass' | 'fail' | 'inconclusive'; reason: string }
  | { kind: 'look'; of: Pick<Inspection, 'id'>; review: InspectionReview }
  | { kind: 'repeat'; of: Pick<Repeat, 'id'>; review: RepeatReview }
  /** `missed` goes with it under a key of its own. */
  | {
      kind: 'settle';
      of: Pick<Disagreement, 'id'>;
      right: SettleRequest['right'];
      missed: { review: InspectionReview; key: string } | null;
    }
);
export interface Waiting {
  choice: Choice;
  key: string;
  /** When it is sent, ms since 1970. */
  due: number;
}

interface Pending extends Waiting {
  stop(): void;
}

export interface OutboxDeps {
  send(choice: Choice, how: { key: string; keepalive?: boolean }): Promise<unknown>;
  onChange(): void;
  onSent(choice: Choice): void;
  onFailed(choice: Choice, error: unknown): void;
  now(): number;
  after(ms: number, run: () => void): () => void;
  makeKey(): string;
}

/** Holds decisions back for the time of an undo. Leaving the page sends what is left at once. */
export function createOutbox(deps: OutboxDeps) {
  let waiting: Pending[] = [];

  async function send(entry: Pending, keepalive: boolean): Promise<void> {
    entry.stop();
    waiting = waiting.filter((other) => other !== entry);
    deps.onChange();
    try {
      await deps.send(entry.choice, { key: entry.key, keepalive });
      deps.onSent(entry.choice);
    } catch (error) {
      deps.onFailed(entry.choice, error);
    }
  }

  return {
    waiting: (): readonly Waiting[] => waiting,
    add(choice: Choice): void {
      const entry: Pending = {
        choice,
        key: deps.makeKey(),
        due: deps.now() + UNDO_MS,
        stop: deps.after(UNDO_MS, () => void send(entry, false)),
      };
      waiting = [...waiting, entry];
      deps.onChange();
    },
    /** Takes back the last decision that is still here; null when all are sent. */
    undo(): Choice | null {
      const last = waiting.at(-1);
      if (!last) return null;
      last.stop();
      waiting = waiting.slice(0, -1);
      deps.onChange();
      return last.choice;
    },
    flush(): void {
      for (const entry of waiting) void send(entry, true);
    },
  };
}
