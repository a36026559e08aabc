import type { Choice } from './outbox.ts';

/** A decision that the platform has not taken, as it outlives the page. */
export interface Kept {
  choice: Choice;
  /** Under which it is sent again: it may have been taken although the answer was lost. */
  key: string;
  /** When it was made, ms since 1970. */
  at: number;
}

/** By the subject of who decided, so that nobody sends what another person said. The number is that of the form. */
const placeOf = (subject: string) => `cqp.decisions.1.${subject}`;
/** About 400 bytes each, of the 5 MB that a browser gives. */
export const MOST_KEPT = 1_000;
/** A shift and the break after it, ms. What is older was said of a board that others have long seen again. */
export const LONGEST_KEPT = 12 * 3_600_000;

type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** Writes down what is not taken yet, in place of what stood there. A store that is full or forbidden keeps nothing: the page goes on. */
export function keep(store: Store, subject: string, left: readonly Kept[]): void {
  try {
    if (left.length === 0) store.removeItem(placeOf(subject));
    else {
      const kept = left.slice(0, MOST_KEPT).map(({ choice, key, at }) => ({ choice, key, at }));
      store.setItem(placeOf(subject), JSON.stringify({ kept, over: left.length - kept.length }));
    }
  } catch {}
}

const isKept = (one: unknown): one is Kept =>
  typeof one === 'object' &&
  one !== null &&
  'choice' in one &&
  typeof one.choice === 'object' &&
  'key' in one &&
  typeof one.key === 'string' &&
  'at' in one &&
  typeof one.at === 'number';

export interface Found {
  /** To be sent. */
  fresh: Kept[];
  /** Too old to be sent unseen. */
  old: Kept[];
  /** Of so many more nothing but their number is known. */
  over: number;
}

/** What this person decided in this tab before its session ended, or before the page was loaded again. */
export function keptOf(store: Store, subject: string, now: number): Found {
  try {
    const { kept, over } = JSON.parse(store.getItem(placeOf(subject)) ?? '{}') as { kept?: unknown; over?: unknown };
    const all = Array.isArray(kept) ? kept.filter(isKept) : [];
    const isFresh = ({ at }: Kept) => now - at <= LONGEST_KEPT;
    return { fresh: all.filter(isFresh), old: all.filter((one) => !isFresh(one)), over: typeof over === 'number' ? over : 0 };
  } catch {
    return { fresh: [], old: [], over: 0 };
  }
}
