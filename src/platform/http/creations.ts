import { LONGEST_HOLD_MS } from './hold-back.ts';

export interface CreationOptions {
  /** Creations inside at once, and the bytes of their bodies. */
  most?: number;
  mostBytes?: number;
  /** A line that has not been short for this long is no burst any more (milliseconds). */
  burstMs?: number;
  /** Longest wait of who is let in after that (milliseconds). */
  overloadWaitMs?: number;
  now?: () => number;
}

/** `recorded`: the creation was done, and the time that it took is what one takes. One that was refused for its words is quick, and says nothing of the disk. */
export type Leave = (recorded?: boolean) => void;

/** Counts creations from their head to the end of their answer and decides who may come in. */
export interface CreationGate {
  /** How to leave, to be called once; or null: not now. */
  enter(bytes: number): Leave | null;
  readonly inside: number;
}

/** So many are inside at any time on a busy day: no line. */
const SHORT = 64;
const RATE_MS = 500;
/** What is kept of the best rate from one measure to the next, and how much slower the quickest may have become. */
const KEPT = 0.99;
const FORGOTTEN = 1.05;
/** How long the line has to stay short when all who were refused may have come back. */
const CALM_MS = 2000;

/**
 * A burst is taken whole and worked off: ten thousand at once wait as long as it takes, bounded by number and bytes alone. A load that stays above what
 * can be done would make everybody wait for ever, so a line that stays long lets in only as many as are done in `overloadWaitMs`: those are answered
 * soon, the others at once. (The controlled delay of Nichols and Jacobson, with the patience for bursts at the level of a server.) A short line is also
 * a quick one: among 700 a creation costs half as much again as among 64, because what waits is copied by each collection of the young generation
 * (`bench/micro/collector.ts`). It is never so short that a slow disk could not be kept busy: twice what the quickest creation took is let in.
 */
export function createCreationGate(options: CreationOptions = {}): CreationGate {
  const { most = 20_000, mostBytes = 64 * 1024 * 1024, burstMs = 20_000, overloadWaitMs = 60, now = () => performance.now() } = options;
  let inside = 0;
  let bytes = 0;
  let done = 0;
  let perMs = 0;
  /** The best rate of the last minute or so: a line that followed the rate of now would get shorter with it, and the rate with the line. */
  let best = 0;
  let measuredAt = now();
  /** Since when the line has been long without a break; null while it is short. */
  let longSince: number | null = null;
  let overloaded = false;
  let refusedAt = Number.NEGATIVE_INFINITY;
  /** What the quickest creation of the last half second took, and of the last seconds (milliseconds); forgotten slowly. */
  let quickest = Number.POSITIVE_INFINITY;
  let floor = Number.POSITIVE_INFINITY;

  function measure(at: number): void {
    const passed = at - measuredAt;
    if (passed < RATE_MS) return;
    const rate = done / passed;
    perMs = passed > 4 * RATE_MS ? rate : perMs * 0.5 + rate * 0.5;
    best = Math.max(perMs, best * KEPT);
    // In a long line everybody has waited, the quickest as well.
    if (done > 0) floor = Math.min(quickest, longSince === null ? floor * FORGOTTEN : floor);
    quickest = Number.POSITIVE_INFINITY;
    done = 0;
    measuredAt = at;
    if (inside < SHORT) longSince = null;
    else longSince ??= at;
    // Sooner the line is short because those who were refused wait, and all who come back would be taken for a burst.
    if (overloaded && longSince === null && at - refusedAt > LONGEST_HOLD_MS + CALM_MS) overloaded = false;
    if (!overloaded && longSince !== null && at - longSince > burstMs) overloaded = true;
  }

  const lineLimit = (): number => Math.max(SHORT, best * Math.max(overloadWaitMs, Number.isFinite(floor) ? 2 * floor : 0));

  return {
    enter(size) {
      const at = now();
      measure(at);
      const limit = overloaded ? Math.min(most, lineLimit()) : most;
      // One alone is let in whatever its size: the route has a limit for that.
      if (inside >= limit || (size > 0 && bytes > 0 && bytes + size > mostBytes)) {
        refusedAt = at;
        return null;
      }
      inside += 1;
      bytes += size;
      return (recorded = false) => {
        inside -= 1;
        bytes -= size;
        done += 1;
        if (recorded) quickest = Math.min(quickest, now() - at);
      };
    },
    get inside() {
      return inside;
    },
  };
}
