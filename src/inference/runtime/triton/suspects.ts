import type { FaultKind } from './fault.ts';

/** So often a run may end the model process; and lose its connection, which more often is the server's or the network's doing. */
const MOST = { ended: 2, lost: 5 } as const;
/** Runs kept in mind; beyond them the one noted longest ago is forgotten. */
const REMEMBERED = 1000;

/**
 * Runs that were at the server when its model process ended, or the connection to it, and were not answered since. A run is told again by its `id`, so
 * that what it did before an outage counts after it. As nothing is sent after such a fault before the known inputs were answered, a run with which it
 * happens again and again is the cause: else one board would keep the model from all others.
 */
export interface Suspects {
  /** To be sent with no other suspect beside it, so that the guilty one cannot make the others look guilty. */
  has(id: string): boolean;
  /** Notes one more time. True when the run is to blame. */
  blame(id: string, kind: FaultKind): boolean;
  answered(id: string): void;
}

export function openSuspects(): Suspects {
  const noted = new Map<string, { ended: number; lost: number }>();
  return {
    has: (id) => noted.has(id),
    blame(id, kind) {
      const counts = noted.get(id) ?? { ended: 0, lost: 0 };
      const what = kind === 'unreachable' ? 'lost' : 'ended';
      counts[what] += 1;
      noted.delete(id);
      noted.set(id, counts);
      const [oldest] = noted.keys();
      if (noted.size > REMEMBERED && oldest !== undefined) noted.delete(oldest);
      return counts[what] >= MOST[what];
    },
    answered: (id) => void noted.delete(id),
  };
}
