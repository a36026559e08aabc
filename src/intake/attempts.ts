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
  /** Repeats of one idempotent request share one number: only one of them is stored. */
  given: Map<string, number>;
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
      counter = { holders: 0, next: 1, given: new Map() };
      counters.set(name, counter);
    }
    counter.holders += 1;
    return counter;
  }

  return {
    take(keys, token) {
      const names = keys.map(nameOf);
      const mine = names.map(join);
      const number = (at: number): number => {
        const counter = mine[at] as Counter;
        const name = token === null ? null : `${token}\n${at}`;
        const given = (name === null ? undefined : counter.given.get(name)) ?? counter.next++;
        if (name !== null) counter.given.set(name, given);
        return given;
      };
      const numbers = names.map((_, at) => number(at));
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
          if (token !== null) for (const at of places) mine[at]?.given.delete(`${token}\n${at}`);
          for (const at of places) numbers[at] = number(at);
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
