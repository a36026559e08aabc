import type { Defect } from '../../../src/contracts/defects.ts';
import type { Inspection } from '../../../src/contracts/inspections.ts';
import type { Disagreement, SettleRequest } from '../../../src/contracts/models.ts';
import type { InspectionReview, Repeat, RepeatReview } from '../../../src/contracts/review.ts';
import type { Decision } from '../api/changes.ts';
import type { Kept } from './kept.ts';

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
export interface Waiting extends Kept {
  /** When it is sent, ms since 1970. */
  due: number;
}

interface Pending extends Waiting {
  /** The try that is under way: no second one begins beside it. */
  trying: Promise<void> | null;
  /** Whether that try outlives the page. */
  kept: boolean;
  stop(): void;
}

/** How long the platform is left alone before a decision that did not reach it is sent again, ms. */
export const AGAIN_MS = 5_000;
/** An answer that has not come after this long is not waited for: a request that hangs would hold its decision, and one of the browser's few connections. */
export const GIVE_UP_MS = 15_000;
class NoAnswer extends Error {}

export interface OutboxDeps {
  send(choice: Choice, how: { key: string; keepalive?: boolean; signal?: AbortSignal }): Promise<unknown>;
  /** Whether the fault may pass by itself, so that sending the same thing again can help. */
  passes(error: unknown): boolean;
  onChange(): void;
  onSent(choice: Choice): void;
  onFailed(choice: Choice, error: unknown): void;
  now(): number;
  after(ms: number, run: () => void): () => void;
  makeKey(): string;
}

const choicesOf = (entries: readonly Pending[]): readonly Choice[] => entries.map(({ choice }) => choice);
const without = (entries: readonly Pending[], entry: Pending) => entries.filter((other) => other !== entry);

/**
 * Holds decisions back for the time of an undo. Leaving the page sends what is left at once. What did not reach the platform is sent again under its
 * key until it is taken or refused: it may have been taken although the answer was lost, and is no longer to be undone.
 */
export function createOutbox(deps: OutboxDeps) {
  let waiting: Pending[] = [];
  let sending: Pending[] = [];
  let unsent: Pending[] = [];

  function answerTo({ choice, key, kept }: Pending): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const late = new AbortController();
      const stop = deps.after(GIVE_UP_MS, () => {
        reject(new NoAnswer());
        late.abort();
      });
      void deps.send(choice, { key, keepalive: kept, signal: late.signal }).then(resolve, reject).finally(stop);
    });
  }

  async function attempt(entry: Pending): Promise<void> {
    let fault: unknown;
    try {
      await answerTo(entry);
    } catch (error) {
      fault = error;
    }
    entry.trying = null;
    // The person gave it up meanwhile.
    if (!sending.includes(entry) && !unsent.includes(entry)) return;
    sending = without(sending, entry);
    if (fault instanceof NoAnswer || (fault !== undefined && deps.passes(fault))) return later(entry);
    unsent = without(unsent, entry);
    deps.onChange();
    if (fault === undefined) deps.onSent(entry.choice);
    else deps.onFailed(entry.choice, fault);
  }

  function send(entry: Pending, keepalive: boolean): void {
    if (entry.trying !== null) return;
    entry.stop();
    waiting = without(waiting, entry);
    if (!unsent.includes(entry)) sending = [...sending, entry];
    entry.kept = keepalive;
    entry.trying = attempt(entry);
    deps.onChange();
  }

  function later(entry: Pending): void {
    entry.stop = deps.after(AGAIN_MS, () => send(entry, false));
    if (!unsent.includes(entry)) unsent = [...unsent, entry];
    deps.onChange();
  }

  function flush(): void {
    for (const entry of [...waiting, ...unsent]) send(entry, true);
  }

  return {
    waiting: (): readonly Waiting[] => waiting,
    /** Those on their first way, whose answer is not here yet. */
    sending: () => choicesOf(sending),
    /** Those that could not be sent so far. */
    unsent: () => choicesOf(unsent),
    /** All that is not taken yet, in the order in which it was decided. */
    left: (): readonly Kept[] => [...unsent, ...sending, ...waiting].sort((one, other) => one.at - other.at),
    /** Sends what was decided before the page was loaded, under its key. */
    restore(kept: readonly Kept[]): void {
      const entries = kept.map((one): Pending => ({ ...one, due: one.at, trying: null, kept: false, stop: () => undefined }));
      unsent = [...unsent, ...entries];
      for (const entry of entries) send(entry, false);
    },
    add(choice: Choice): void {
      const entry: Pending = {
        choice,
        key: deps.makeKey(),
        at: deps.now(),
        due: deps.now() + UNDO_MS,
        trying: null,
        kept: false,
        stop: deps.after(UNDO_MS, () => send(entry, false)),
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
    flush,
    /** The browser leaves the page, and ends what is under way with it: that is asked once more in a way that outlives the page. */
    leave(): void {
      for (const entry of [...sending, ...unsent]) {
        if (entry.trying === null || entry.kept) continue;
        entry.kept = true;
        void deps.send(entry.choice, { key: entry.key, keepalive: true }).catch(() => undefined);
      }
      flush();
    },
    /** Sends everything and waits for the answers, but no longer than `ms`: whether nothing is left. */
    async drain(ms: number): Promise<boolean> {
      flush();
      const answers = [...sending, ...unsent].map(({ trying }) => trying);
      await Promise.race([Promise.all(answers), new Promise<void>((resolve) => void deps.after(ms, resolve))]);
      return waiting.length + sending.length + unsent.length === 0;
    },
    /** Gives up what is left: the person was told, and leaves all the same. */
    drop(): void {
      for (const entry of [...waiting, ...sending, ...unsent]) entry.stop();
      [waiting, sending, unsent] = [[], [], []];
      deps.onChange();
    },
  };
}
