import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { RouteClass } from './request.ts';

const EVERY_MS = 500;
const RESOLUTION_MS = 20;

/**
 * Load at which a class is refused, in multiples of the limit: exports first, then reads, creating inspections last, the rest never. A queue alone
 * refuses no creation: it is where creations wait, and it has a length of its own.
 */
const SHED_AT: Readonly<Record<RouteClass, number>> = { export: 1, read: 2, create: 20, audit: Number.POSITIVE_INFINITY };

export interface PressureOptions {
  /** Mean delay of the event loop over half a second that counts as load 1 (milliseconds). */
  maxDelayMs: number;
  /** How much waits elsewhere, such as requests for a database connection. */
  waiting?: () => number;
  /** How much waiting counts as load 1. */
  maxWaiting?: number;
  observe?: (delaySeconds: number) => void;
}

export interface Pressure {
  /** Begins to measure; what came before, such as the start itself, is no load. */
  start(): void;
  /** Whether a request of this class is refused now. */
  sheds(routeClass: RouteClass): boolean;
  stop(): void;
}

export interface Load {
  /** Of the event loop alone. */
  delay: number;
  /** The larger of delay and queue. */
  all: number;
}

/** The load decided from a measured delay and queue; pure, so that the order of shedding can be tested. */
export function loadOf(delayMs: number, waiting: number, options: Pick<PressureOptions, 'maxDelayMs' | 'maxWaiting'>): Load {
  const delay = delayMs / options.maxDelayMs;
  return { delay, all: Math.max(delay, options.maxWaiting ? waiting / options.maxWaiting : 0) };
}
export const shedsAt = (load: Load, routeClass: RouteClass): boolean =>
  (routeClass === 'create' ? load.delay : load.all) >= SHED_AT[routeClass];

export function createPressure(options: PressureOptions): Pressure {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let load: Load = { delay: 0, all: 0 };
  let settled = false;
  let timer: NodeJS.Timeout | undefined;

  function measure(): void {
    const mean = histogram.mean;
    const delayMs = Number.isFinite(mean) ? Math.max(0, mean / 1e6 - RESOLUTION_MS) : 0;
    histogram.reset();
    if (!settled) {
      settled = true;
      return;
    }
    load = loadOf(delayMs, options.waiting?.() ?? 0, options);
    options.observe?.(delayMs / 1000);
  }

  return {
    start() {
      histogram.enable();
      timer ??= setInterval(measure, EVERY_MS).unref();
    },
    sheds: (routeClass) => load.all >= 1 && shedsAt(load, routeClass),
    stop() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
