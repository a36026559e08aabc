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
  /** The next free number; set when the database has answered. */
  next: number;
  ready: Promise<void>;
  /** Repeats of one idempotent request share one number: only one of them is stored. */
  given: Map<string, number>;
}

export interface Taken {
  /** In the order of the keys. */
  numbers: number[];
  /** Once, when the rows are committed or are not; `collided` when another process has a number, so that the next one asks the database. */
  release(collided?: boolean): void;
}

export interface Attempts {
  /** `token` is the same for repeats of the same request. The same key twice counts up. */
  take(keys: readonly AttemptKey[], token: string | null): Promise<Taken>;
}

export const nameOf = (key: AttemptKey): string => JSON.stringify([key.site, key.lot_id, key.chip_id, key.inspection_type]);

/**
 * Hands out attempt numbers: what the database has plus one, and within this process one after the other, so that parallel inspections of one chip
 * do not collide and share one look into the database. The unique index on the attempt decides between processes; who loses takes again. A number
 * that was taken and not stored leaves a gap only while others are on their way.
 */
export function openAttempts(lastOf: (keys: readonly AttemptKey[]) => Promise<number[]>): Attempts {
  const counters = new Map<string, Counter>();

  function join(keys: readonly AttemptKey[], names: readonly string[]): Counter[] {
    const missing = new Map<string, AttemptKey>();
    for (const [index, name] of names.entries()) if (!counters.has(name)) missing.set(name, keys[index] as AttemptKey);
    if (missing.size > 0) {
      const reading = lastOf([...missing.values()]);
      for (const [index, name] of [...missing.keys()].entries()) {
        const counter: Counter = { holders: 0, next: 0, ready: Promise.resolve(), given: new Map() };
        counter.ready = reading.then((last) => {
          counter.next = (last[index] ?? 0) + 1;
        });
        counter.ready.catch(() => {});
        counters.set(name, counter);
      }
    }
    return names.map((name) => counters.get(name) as Counter);
  }

  return {
    async take(keys, token) {
      const names = keys.map(nameOf);
      const mine = join(keys, names);
      for (const counter of mine) counter.holders += 1;
      const release = (collided = false) => {
        for (const [index, counter] of mine.entries()) {
          counter.holders -= 1;
          const name = names[index] ?? '';
          if ((counter.holders === 0 || collided) && counters.get(name) === counter) counters.delete(name);
        }
      };
      try {
        for (const counter of new Set(mine)) await counter.ready;
      } catch (error) {
        release();
        throw error;
      }
      const numbers = mine.map((counter, index) => {
        const name = token === null ? null : `${token}\n${index}`;
        const number = (name === null ? undefined : counter.given.get(name)) ?? counter.next++;
        if (name !== null) counter.given.set(name, number);
        return number;
      });
      return { numbers, release };
    },
  };
}
