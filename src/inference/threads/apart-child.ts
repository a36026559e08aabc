/** The process around one thread of a pool that is kept apart. It carries messages, and ends when its parent or its thread does. */
import { spawnSync } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { HEAP, THREAD } from './carriers.ts';

// Before the thread is made: it takes both over.
try {
  setPriority(constants.priority.PRIORITY_LOW);
} catch {
  // A system that does not let a process lower itself runs it as it is.
}
// The lowest priority alone still makes its core a busy one to Linux, so that whoever wakes queues on the other; a core with nothing but idle-class
// work (sched(7), SCHED_IDLE) counts as free. Node has no call for it; where there is no chrt (util-linux, busybox), the priority has to do.
if (process.platform === 'linux') spawnSync('chrt', ['-i', '-p', '0', String(process.pid)], { stdio: 'ignore', timeout: 2000 });
const worker = new Worker(THREAD, { env: SHARE_ENV, execArgv: [], name: 'inference', resourceLimits: HEAP });
/** Not `exit`, which would wait for a thread that is inside native code. */
const end = () => process.kill(process.pid, 'SIGKILL');
process.on('disconnect', end);
process.on('message', (message) => worker.postMessage(message));
worker.on('message', (answer) => process.send?.(answer));
worker.on('error', end);
worker.on('exit', end);
