import type { BusLog } from '../handling.ts';
import { words } from './clients.ts';

/** What keeps the broker's side from working, in words, by who says so. Shown in health and logged once each time it begins and ends. */
export interface Trouble {
  begins(who: string, error: unknown): void;
  ends(who: string): void;
  /** The one that has lasted longest; null when all is well. */
  words(): string | null;
}

export function openTrouble(log: BusLog | undefined, info?: (fields: object, message: string) => void): Trouble {
  const current = new Map<string, { since: number; what: string }>();
  return {
    begins(who, error) {
      const known = current.get(who);
      const what = words(error);
      if (known) known.what = what;
      else {
        current.set(who, { since: Date.now(), what });
        log?.warn({ part: who, reason: what }, 'the broker does not serve');
      }
    },
    ends(who) {
      if (current.delete(who)) info?.({ part: who }, 'the broker serves again');
    },
    words() {
      const [first] = current;
      if (!first) return null;
      const [who, { since, what }] = first;
      return `${who}: ${what} (for ${Math.round((Date.now() - since) / 1000)} s)`;
    },
  };
}
