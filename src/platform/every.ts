/** Work that is done again and again, never twice at the same time, until it is stopped. */
export interface Repeated {
  start(): void;
  /** Returns when what is running has ended. */
  stop(): Promise<void>;
}

/** `work` runs `millis` after the last run ended; a failure is told and does not end the repeating. */
export function every(millis: number, work: () => Promise<unknown>, failed: (error: unknown) => void): Repeated {
  let timer: NodeJS.Timeout | null = null;
  let running: Promise<void> = Promise.resolve();
  let stopped = true;
  const next = () => {
    if (stopped) return;
    timer = setTimeout(() => {
      running = work()
        .then(() => {}, failed)
        .then(next);
    }, millis);
    timer.unref();
  };
  return {
    start() {
      if (!stopped) return;
      stopped = false;
      next();
    },
    async stop() {
      stopped = true;
      if (timer) clearTimeout(timer);
      await running;
    },
  };
}
