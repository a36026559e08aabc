/** The process around one thread of a pool that is kept apart. It carries messages, and ends when its parent or its thread does. */
import { constants, setPriority } from 'node:os';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { HEAP, THREAD } from './carriers.ts';

try {
  // Before the thread is made: it takes this over.
  setPriority(constants.priority.PRIORITY_LOW);
} catch {
  // A system that does not let a process lower itself runs it as it is.
}
const worker = new Worker(THREAD, { env: SHARE_ENV, execArgv: [], name: 'inference', resourceLimits: HEAP });
/** Not `exit`, which would wait for a thread that is inside native code. */
const end = () => process.kill(process.pid, 'SIGKILL');
process.on('disconnect', end);
process.on('message', (message) => worker.postMessage(message));
worker.on('message', (answer) => process.send?.(answer));
worker.on('error', end);
worker.on('exit', end);
