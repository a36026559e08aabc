import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './telemetry/log.ts';

/**
 * starting -> serving -> draining -> stopped, never back. `starting`: not ready, not started. `serving`: takes traffic. `draining`: not
 * ready any more, still answers everything, each answer asks the connection to close. `stopped`: the rest is closed.
 */
export type Phase = 'starting' | 'serving' | 'draining' | 'stopped';

export interface Lifecycle {
  readonly phase: Phase;
  /** Aborted when draining begins: long waits (`wait=20`, streams) answer with what they have. */
  readonly signal: AbortSignal;
  /** Called once the address is listened on. */
  serving(): void;
  /**
   * The HTTP layer counts the requests that are being answered. False for one that comes after the drain delay: it is answered as long as the address is
   * open, and not waited for, or a program that is asked without pause would never have finished.
   */
  enter(): boolean;
  /** Only for what was counted. */
  leave(): void;
  readonly inFlight: number;
  /** Not ready at once; then the drain delay, then until nothing is in flight or the time is over. Safe to call twice. */
  drain(): Promise<void>;
  /** Drain, `stop`, exit 0; the time-out exits 1. Once begun it goes on: a second call does nothing. */
  end(why: string, stop: () => Promise<void>, exit?: (code: number) => void): void;
  /** SIGTERM and SIGINT: `end`. A second signal exits 1 at once. Returns an undo for tests. */
  onSignals(stop: () => Promise<void>, exit?: (code: number) => void): () => void;
}

export interface LifecycleOptions {
  /** Time between not ready and refusing nothing more, for a balancer to notice (milliseconds). */
  drainDelayMs: number;
  /** Longest graceful stop, from the signal to the exit (milliseconds). */
  shutdownTimeoutMs: number;
  log: Pick<Log, 'info' | 'error' | 'warn'>;
}

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const controller = new AbortController();
  let phase: Phase = 'starting';
  let inFlight = 0;
  let draining: Promise<void> | undefined;
  let ending = false;

  async function runDrain(): Promise<void> {
    phase = 'draining';
    options.log.info({ in_flight: inFlight }, 'draining');
    const end = Date.now() + options.shutdownTimeoutMs;
    await sleep(options.drainDelayMs);
    controller.abort();
    while (inFlight > 0 && Date.now() < end) await sleep(20);
    if (inFlight > 0) options.log.warn({ in_flight: inFlight }, 'drain_timeout');
  }

  const lifecycle: Lifecycle = {
    get phase() {
      return phase;
    },
    get inFlight() {
      return inFlight;
    },
    signal: controller.signal,
    serving() {
      if (phase === 'starting') phase = 'serving';
    },
    enter() {
      if (controller.signal.aborted) return false;
      inFlight += 1;
      return true;
    },
    leave() {
      inFlight -= 1;
    },
    drain() {
      draining ??= runDrain();
      return draining;
    },
    end(why, stop, exit = (code) => process.exit(code)) {
      if (ending) return;
      ending = true;
      options.log.info({ why }, 'stopping');
      const timer = setTimeout(
        () => {
          options.log.error({}, 'shutdown_timeout');
          exit(1);
        },
        options.shutdownTimeoutMs + options.drainDelayMs + 2000,
      );
      timer.unref();
      lifecycle
        .drain()
        .then(stop)
        .then(
          () => {
            phase = 'stopped';
            exit(0);
          },
          (error: unknown) => {
            options.log.error({ err: error }, 'shutdown_failed');
            exit(1);
          },
        );
    },
    onSignals(stop, exit = (code) => process.exit(code)) {
      let signals = 0;
      const onSignal = (signal: NodeJS.Signals) => {
        signals += 1;
        if (signals > 1) return exit(1);
        lifecycle.end(signal, stop, exit);
      };
      process.on('SIGTERM', onSignal);
      process.on('SIGINT', onSignal);
      return () => {
        process.off('SIGTERM', onSignal);
        process.off('SIGINT', onSignal);
      };
    },
  };
  return lifecycle;
}

/** Ends all of them, the last that was opened first, also when one fails. @throws the first error, when all have ended */
export async function closeInReverse(opened: (() => Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const close of opened.splice(0).reverse())
    try {
      await close();
    } catch (error) {
      errors.push(error);
    }
  if (errors.length > 0) throw errors[0];
}
