import type { Defect } from '../../../src/contracts/defects.ts';
import type { Inspection } from '../../../src/contracts/inspections.ts';
import type { Disagreement, SettleRequest } from '../../../src/contracts/models.ts';
import type { InspectionReview, Repeat, RepeatReview } from '../../../src/contracts/review.ts';
import type { Decision } from '../api/changes.ts';

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

/** How long the platform is left alone before a decision that did not reach it is sent again, ms. */
export const AGAIN_MS = 5_000;

export interface OutboxDeps {
  send(choice: Choice, how: { key: string; keepalive?: boolean }): Promise<unknown>;
  /** Whether the fault may pass by itself, so that sending the same thing again can help. */
  passes(error: unknown): boolean;
  onChange(): void;
  onSent(choice: Choice): void;
  onFailed(choice: Choice, error: unknown): void;
  now(): number;
  after(ms: number, run: () => void): () => void;
  makeKey(): string;
}

/**
 * Holds decisions back for the time of an undo. Leaving the page sends what is left at once. What did not reach the platform is sent again under its
 * key until it is taken or refused: it may have been taken although the answer was lost, and is no longer to be undone.
 */
export function createOutbox(deps: OutboxDeps) {
  let waiting: Pending[] = [];
  let unsent: Pending[] = [];

  async function send(entry: Pending, keepalive: boolean): Promise<void> {
    entry.stop();
    waiting = waiting.filter((other) => other !== entry);
    deps.onChange();
    let fault: unknown;
    try {
      await deps.send(entry.choice, { key: entry.key, keepalive });
    } catch (error) {
      if (deps.passes(error)) return later(entry);
      fault = error;
    }
    entry.stop();
    unsent = unsent.filter((other) => other !== entry);
    deps.onChange();
    if (fault === undefined) deps.onSent(entry.choice);
    else deps.onFailed(entry.choice, fault);
  }

  function later(entry: Pending): void {
    entry.stop();
    entry.stop = deps.after(AGAIN_MS, () => void send(entry, false));
    if (!unsent.includes(entry)) unsent = [...unsent, entry];
    deps.onChange();
  }

  return {
    waiting: (): readonly Waiting[] => waiting,
    /** Those that could not be sent so far. */
    unsent: (): readonly Choice[] => unsent.map(({ choice }) => choice),
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
      for (const entry of [...waiting, ...unsent]) void send(entry, true);
    },
  };
}
