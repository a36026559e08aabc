import { parentPort, workerData } from 'node:worker_threads';
import { Factory, type FactoryOptions } from './factory.ts';

/** The demo line of `npm start`, in a thread of its own: drawing a board takes tens of milliseconds that the server must not lose. */
export type DemoOptions = Omit<FactoryOptions, 'signal' | 'say'>;

const stop = new AbortController();
parentPort?.once('message', () => stop.abort());
try {
  await new Factory({
    ...(workerData as DemoOptions),
    signal: stop.signal,
    say: (text) => parentPort?.postMessage(text),
  }).run();
} catch (error) {
  if (!stop.signal.aborted) throw error;
}
parentPort?.close();
