/** Which inspections count as attempts of the same thing. */
export interface AttemptKey {
  site: string;
  lot_id: string;
  chip_id: string;
  inspection_type: string;
}

interface Counter {
  /** Requests that hold a number of this counter and are not committed yet. */
  holders: number;
  /** The next number that nobody holds: 1 until the database has told of a higher one. */
  next: number;
  /** Repeats of one idempotent request share one number: only one of them is stored. The first is kept apart: mostly it stays alone. */
  firstToken: string | null;
  firstNumber: number;
  given: Map<string, number> | null;
}

export interface Taken {
  /** In the order of the keys. */
  numbers: readonly number[];
  /** Numbers above what turned out to be stored: `last` by the place of the key. The old ones are given up. */
  again(last: ReadonlyMap<number, number>): void;
  /** Once, when the rows are committed or are not. */
  release(): void;
}

export interface Attempts {
  /** `token` is the same for repeats of the same request. The same key twice counts up. */
  take(keys: readonly AttemptKey[], token: string | null): Taken;
}

export const nameOf = (key: AttemptKey): string => JSON.stringify([key.site, key.lot_id, key.chip_id, key.inspection_type]);

/**
 * Hands out attempt numbers without asking the database: the first is 1, and within this process one after the other, so that parallel inspections of
 * one chip do not collide. Most chips are inspected once; where one was before, the commit refuses the number with the last that is stored, and the
 * number is taken `again`. A number that was taken and not stored leaves a gap only while others are on their way.
 */
export function openAttempts(): Attempts {
  const counters = new Map<string, Counter>();

  function join(name: string): Counter {
    let counter = counters.get(name);
    if (counter === undefined) {
      counter = { holders: 0, next: 1, firstToken: null, firstNumber: 0, given: null };
      counters.set(name, counter);
    }
    counter.holders += 1;
    return counter;
  }

  function give(counter: Counter, token: string | null): number {
    if (token === null) return counter.next++;
    if (counter.firstToken === token) return counter.firstNumber;
    const known = counter.given?.get(token);
    if (known !== undefined) return known;
    const number = counter.next++;
    if (counter.firstToken === null) {
      counter.firstToken = token;
      counter.firstNumber = number;
    } else {
      counter.given ??= new Map();
      counter.given.set(token, number);
    }
    return number;
  }

  function takeBack(counter: Counter, token: string): void {
    if (counter.firstToken === token) counter.firstToken = null;
    else counter.given?.delete(token);
  }

  return {
    take(keys, token) {
      const names = keys.map(nameOf);
      const mine = names.map(join);
      const tokenAt = (at: number): string | null => (token === null || names.length === 1 ? token : `${token}\n${at}`);
      const numbers = mine.map((counter, at) => give(counter, tokenAt(at)));
      return {
        numbers,
        again(last) {
          const renumbered = new Set<Counter>();
          for (const [at, stored] of last) {
            const counter = mine[at] as Counter;
            counter.next = Math.max(counter.next, stored + 1);
            renumbered.add(counter);
          }
          // All of this request for one chip, so that they stay in order.
          const places = [...mine.keys()].filter((at) => renumbered.has(mine[at] as Counter));
          if (token !== null) for (const at of places) takeBack(mine[at] as Counter, tokenAt(at) as string);
          for (const at of places) numbers[at] = give(mine[at] as Counter, tokenAt(at));
        },
        release() {
          for (const [at, counter] of mine.entries()) {
            counter.holders -= 1;
            const name = names[at] ?? '';
            if (counter.holders === 0 && counters.get(name) === counter) counters.delete(name);
          }
        },
      };
    },
  };
}
