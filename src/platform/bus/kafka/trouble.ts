import type { BusLog } from '../handling.ts';
import { words } from './clients.ts';

/** What keeps the broker's side from working, by who says so: in plain words in health, as it is in the log, once each time it begins and ends. */
export interface Trouble {
  begins(who: string, error: unknown): void;
  ends(who: string): void;
  /** The one that has lasted longest; null when all is well. */
  words(): string | null;
}

/** What passes within this (a rebalance, a leader that moves) is no trouble. */
const LASTING_MS = 1_500;

export function openTrouble(log: BusLog | undefined): Trouble {
  const current = new Map<string, { since: number; what: string; isTold: boolean }>();
  return {
    begins(who, error) {
      const known = current.get(who) ?? { since: Date.now(), what: '', isTold: false };
      known.what = words(error);
      current.set(who, known);
      if (known.isTold || Date.now() - known.since < LASTING_MS) return;
      known.isTold = true;
      log?.warn({ part: who, reason: known.what }, 'the broker does not serve');
    },
    ends(who) {
      if (current.get(who)?.isTold) log?.warn({ part: who }, 'the broker serves again');
      current.delete(who);
    },
    words() {
      const now = Date.now();
      const lasting = [...current].find(([, { since }]) => now - since >= LASTING_MS);
      if (!lasting) return null;
      const [who, { since }] = lasting;
      return `${who}: not served by the broker for ${Math.round((now - since) / 1000)} s; the log says why`;
    },
  };
}
