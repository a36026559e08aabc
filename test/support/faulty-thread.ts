import { exit } from 'node:process';
import { parentPort } from 'node:worker_threads';
import type { Load, Task } from '../../src/inference/threads/messages.ts';

/** Pictures with which a `FAULTY_THREAD` never answers, or ends with code 7. */
export const HANGS = 'hangs';
export const DIES = 'dies';

/** The thread of the pool, with what a thread never does on purpose: it hangs or dies of a picture. */
export const FAULTY_THREAD = new URL(import.meta.url);

function refuse(event: Event): void {
  const task = (event as MessageEvent<Load | Task>).data;
  if (task.kind !== 'pair') return;
  const words = Buffer.from(task.image).toString('latin1', 0, 10);
  if (words === DIES) exit(7);
  // The thread behind this one never hears of the task.
  if (words === HANGS) event.stopImmediatePropagation();
}

if (parentPort !== null) {
  parentPort.addEventListener('message', refuse);
  await import('../../src/inference/threads/worker.ts');
}
