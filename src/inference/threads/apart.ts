import { type ChildProcess, fork } from 'node:child_process';
import type { Worker } from 'node:worker_threads';

const FILE = new URL(import.meta.url.endsWith('.ts') ? './apart-child.ts' : './apart-child.js', import.meta.url);

/** What the pool needs of a thread. */
export type Carrier = Pick<Worker, 'postMessage' | 'ref' | 'unref' | 'terminate'> & {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
};

/**
 * A thread in a process of its own, at the lowest priority of the system and on Linux in its idle class: what it hangs in or dies of is ended with it,
 * which native code in a thread of this process never is. Costs some 50 MB beside the model; buffers are copied.
 */
export function startApart(): Carrier & { pid: number | undefined } {
  const child: ChildProcess = fork(FILE, [], { serialization: 'advanced', execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return {
    pid: child.pid,
    postMessage: (message: unknown) => void child.send(message as object, () => {}),
    on: (event: string, listener: (value: never) => void) => child.on(event, listener as () => void),
    ref() {
      child.ref();
      child.channel?.ref();
    },
    unref() {
      child.unref();
      child.channel?.unref();
    },
    terminate: () =>
      new Promise<number>((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve(0);
        child.once('exit', () => resolve(0));
        child.kill('SIGKILL');
      }),
  };
}
