import { SHARE_ENV, Worker } from 'node:worker_threads';
import { RunFailed, RuntimeAway } from '../runtime/runtime.ts';
import { type Carrier, startApart } from './apart.ts';
import { HEAP, THREAD } from './carriers.ts';
import type { Answer, Done, Task } from './messages.ts';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ThreadsOptions {
  size: number;
  /** Tasks that may wait; then the last of those below the next one is refused with RuntimeAway, or that one itself. */
  maxQueue: number;
  /** A task that takes longer is given up and its thread replaced. */
  timeoutMs: number;
  /** Loaded by every thread, first and after a replacement. */
  models: readonly { session: string; bytes: Uint8Array }[];
  /** Each thread in a process of its own, at the lowest priority: for what must not be able to harm this one. */
  apart?: boolean;
  /** The file that a thread of this process runs, when it is not the usual one. */
  thread?: URL;
  log: Log;
}

export interface TaskOptions {
  transfer?: ArrayBuffer[];
  signal?: AbortSignal | undefined;
  priority?: number | undefined;
  /** Told when a thread takes the task. */
  begun?: (() => void) | undefined;
}

export interface Threads {
  /** @throws RuntimeAway before the task was begun; RunFailed after */
  perform(task: Task, options?: TaskOptions): Promise<Done>;
  /** Whether some living thread has loaded it. */
  has(session: string): boolean;
  /** Resolves when every thread has loaded what it can. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

interface Waiting {
  task: Task;
  options: TaskOptions;
  resolve(done: Done): void;
  reject(error: Error): void;
  abort: (() => void) | undefined;
}
interface Slot {
  worker: Carrier;
  sessions: Set<string>;
  /** Of the start itself and of every model. */
  answers: number;
  busy: Waiting | null;
  timer: NodeJS.Timeout | undefined;
}

/** A thread that dies at once is started again after 0.1 s, doubled up to 10 s. */
const RESTART_MS = { first: 100, most: 10_000 };
/** Longest time that a close waits for a thread to end what it is at. */
const LEAVE_MS = 5000;

/** A fixed number of threads, one task each at a time; the rest waits, higher priority first. A thread that hangs or dies is replaced. */
export function openThreads({ size, maxQueue, timeoutMs, models, apart = false, thread = THREAD, log }: ThreadsOptions): Threads {
  const slots = new Set<Slot>();
  const queue: Waiting[] = [];
  const settledWaiters: (() => void)[] = [];
  const restarts = new Set<NodeJS.Timeout>();
  let closed = false;
  let deaths = 0;

  const whole = (slot: Slot) => slot.answers === models.length + 1;
  const able = (slot: Slot, task: Task) => !slot.busy && whole(slot) && (task.kind !== 'run' || slot.sessions.has(task.session));

  function forget(waiting: Waiting): void {
    if (waiting.abort) waiting.options.signal?.removeEventListener('abort', waiting.abort);
  }

  function dispatch(): void {
    for (let at = 0; at < queue.length; ) {
      const waiting = queue[at] as Waiting;
      const slot = [...slots].find((candidate) => able(candidate, waiting.task));
      if (!slot) {
        at += 1;
        continue;
      }
      queue.splice(at, 1);
      slot.busy = waiting;
      slot.worker.ref();
      slot.timer = setTimeout(() => replace(slot, `gave no answer within ${timeoutMs} ms`), timeoutMs);
      waiting.options.begun?.();
      slot.worker.postMessage(waiting.task, waiting.options.transfer ?? []);
    }
  }

  function release(slot: Slot): Waiting | null {
    const { busy } = slot;
    clearTimeout(slot.timer);
    slot.busy = null;
    slot.worker.unref();
    if (busy) forget(busy);
    return busy;
  }

  /**
   * A thread is asked to leave, which it does between two tasks: one that is terminated inside native code takes the whole process with it (the
   * binding of ONNX Runtime throws where nobody can catch). A process apart is killed.
   */
  async function end({ worker }: Slot): Promise<void> {
    if (apart) return void (await worker.terminate());
    const left = new Promise<void>((resolve) => worker.on('exit', () => resolve()));
    worker.postMessage({ kind: 'leave' });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LEAVE_MS);
    });
    await Promise.race([left, late]);
    clearTimeout(timer);
  }

  function replace(slot: Slot, why: string): void {
    if (!slots.delete(slot)) return;
    release(slot)?.reject(new RunFailed(`the thread of the run ${why}`));
    // Not awaited: a thread inside native code leaves when that returns.
    void end(slot);
    if (closed) return;
    deaths += 1;
    const wait = Math.min(RESTART_MS.first * 2 ** (deaths - 1), RESTART_MS.most);
    log.warn({ why, restart_ms: wait }, 'inference thread replaced');
    const timer = setTimeout(() => {
      restarts.delete(timer);
      spawn();
    }, wait);
    restarts.add(timer);
  }

  function spawn(): void {
    if (closed) return;
    const worker: Carrier = apart
      ? startApart()
      : new Worker(thread, { env: SHARE_ENV, execArgv: [], name: 'inference', resourceLimits: HEAP });
    const slot: Slot = { worker, sessions: new Set(), answers: 0, busy: null, timer: undefined };
    slots.add(slot);
    worker.on('message', (message) => {
      const answer = message as Answer;
      if (answer.kind === 'up' || answer.kind === 'loaded') {
        slot.answers += 1;
        if (answer.kind === 'loaded' && answer.error === null) slot.sessions.add(answer.session);
        else if (answer.kind === 'loaded') log.error({ session: answer.session, error: answer.error }, 'model does not load');
        if (whole(slot)) {
          // Idle threads do not keep the process alive.
          worker.unref();
          settled();
        }
      } else {
        deaths = 0;
        const task = release(slot);
        if (answer.kind === 'done') task?.resolve(answer.done);
        else task?.reject(new RunFailed(answer.message));
      }
      dispatch();
    });
    worker.on('error', (error) => replace(slot, `failed: ${error instanceof Error ? error.message : String(error)}`));
    worker.on('exit', (code) => replace(slot, `ended with code ${code}`));
    for (const { session, bytes } of models) worker.postMessage({ kind: 'load', session, bytes });
  }

  function settled(): void {
    if (slots.size < size || ![...slots].every(whole)) return;
    for (const resolve of settledWaiters.splice(0)) resolve();
  }

  for (let count = 0; count < size; count += 1) spawn();

  return {
    has: (session) => [...slots].some((slot) => whole(slot) && slot.sessions.has(session)),
    settled: () =>
      slots.size === size && [...slots].every(whole) ? Promise.resolve() : new Promise((resolve) => settledWaiters.push(resolve)),
    perform(task, options = {}) {
      if (closed) return Promise.reject(new RuntimeAway('the runtime is closing'));
      if (options.signal?.aborted) return Promise.reject(new RuntimeAway('given up before it began'));
      const priority = options.priority ?? 5;
      if (queue.length >= maxQueue) {
        const last = queue.at(-1);
        if (last === undefined || (last.options.priority ?? 5) >= priority)
          return Promise.reject(new RuntimeAway(`${maxQueue} runs are waiting already`));
        queue.pop();
        forget(last);
        last.reject(new RuntimeAway(`${maxQueue} runs are waiting already, and one of higher priority came`));
      }
      return new Promise<Done>((resolve, reject) => {
        const waiting: Waiting = { task, options, resolve, reject, abort: undefined };
        waiting.abort = () => {
          const at = queue.indexOf(waiting);
          if (at < 0) return;
          queue.splice(at, 1);
          forget(waiting);
          reject(new RuntimeAway('given up while it waited'));
        };
        options.signal?.addEventListener('abort', waiting.abort, { once: true });
        const before = queue.findIndex((other) => (other.options.priority ?? 5) < priority);
        queue.splice(before < 0 ? queue.length : before, 0, waiting);
        dispatch();
      });
    },
    async close() {
      closed = true;
      for (const timer of restarts) clearTimeout(timer);
      for (const waiting of queue.splice(0)) {
        forget(waiting);
        waiting.reject(new RuntimeAway('the runtime is closing'));
      }
      const ending = [...slots].map((slot) => {
        slots.delete(slot);
        release(slot)?.reject(new RuntimeAway('the runtime is closing'));
        return end(slot);
      });
      await Promise.allSettled(ending);
    },
  };
}
