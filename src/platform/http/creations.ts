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

/** Counts creations from their head to the end of their answer and decides who may come in. */
export interface CreationGate {
  /** How to leave, to be called once; or null: not now. */
  enter(bytes: number): (() => void) | null;
  readonly inside: number;
}

/** So many are inside at any time on a busy day: no line. */
const SHORT = 64;
const RATE_MS = 500;
/** Nobody was refused for so long and the line is short: the overload is over. */
const CALM_MS = 2000;

/**
 * A burst is taken whole and worked off: ten thousand at once wait as long as it takes, bounded by number and bytes alone. A load that stays above what
 * can be done would make everybody wait for ever, so a line that stays long lets in only as many as are done in a quarter of a second: those are
 * answered soon, the others at once. (The controlled delay of Nichols and Jacobson, with the patience for bursts at the level of a server.)
 */
export function createCreationGate(options: CreationOptions = {}): CreationGate {
  const { most = 20_000, mostBytes = 64 * 1024 * 1024, burstMs = 20_000, overloadWaitMs = 250, now = () => performance.now() } = options;
  let inside = 0;
  let bytes = 0;
  let done = 0;
  let perMs = 0;
  let measuredAt = now();
  /** Since when the line has been long without a break; null while it is short. */
  let longSince: number | null = null;
  let overloaded = false;
  let refusedAt = Number.NEGATIVE_INFINITY;

  function measure(at: number): void {
    const passed = at - measuredAt;
    if (passed < RATE_MS) return;
    const rate = done / passed;
    perMs = passed > 4 * RATE_MS ? rate : perMs * 0.5 + rate * 0.5;
    done = 0;
    measuredAt = at;
    if (inside < SHORT) longSince = null;
    else longSince ??= at;
    if (overloaded && longSince === null && at - refusedAt > CALM_MS) overloaded = false;
    if (!overloaded && longSince !== null && at - longSince > burstMs) overloaded = true;
  }

  return {
    enter(size) {
      const at = now();
      measure(at);
      const limit = overloaded ? Math.min(most, Math.max(SHORT, perMs * overloadWaitMs)) : most;
      if (inside >= limit || bytes + size > mostBytes) {
        refusedAt = at;
        return null;
      }
      inside += 1;
      bytes += size;
      return () => {
        inside -= 1;
        bytes -= size;
        done += 1;
      };
    },
    get inside() {
      return inside;
    },
  };
}
