/** One thread of the pool: decodes pictures and runs models, so that neither ever holds up the event loop of the process. */
import { env, exit } from 'node:process';
import { parentPort } from 'node:worker_threads';
import type { InferenceSession } from 'onnxruntime-node';
import type { Tensors } from '../runtime/runtime.ts';
import type { Answer, Done, Leave, Load, Task } from './messages.ts';
import { readPair, UnfitPair } from './picture.ts';

// ONNX Runtime >= 1.29 reports to its maker and keeps a database in the user's cache unless told not to before it is loaded. The pool starts
// this thread with the environment of the process, because the native code reads that one and not a copy.
env.ORT_DISABLE_TELEMETRY = '1';

const port = parentPort;
if (!port) throw new Error('this file is a thread');
const sessions = new Map<string, InferenceSession>();

async function load(message: Load): Promise<void> {
  const ort = (await import('onnxruntime-node')).default;
  const session = await ort.InferenceSession.create(message.bytes, {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    // Measured on 640 x 640 pairs: 236 MB of process with the arena, 340 MB without (the allocator keeps what it got back); the same speed.
    enableCpuMemArena: true,
    logSeverityLevel: 3,
  });
  sessions.set(message.session, session);
}

async function run(name: string, tensors: Tensors): Promise<Done> {
  const session = sessions.get(name);
  if (!session) throw new Error(`${name} is not loaded`);
  const ort = (await import('onnxruntime-node')).default;
  const feeds: Record<string, InstanceType<typeof ort.Tensor>> = {};
  for (const [key, { type, data, dims }] of Object.entries(tensors)) feeds[key] = new ort.Tensor(type, data as Uint8Array, [...dims]);
  const answered = await session.run(feeds as InferenceSession.OnnxValueMapType);
  const outputs: Tensors = {};
  for (const [key, tensor] of Object.entries(answered)) {
    if (tensor.type !== 'float32' && tensor.type !== 'uint8') throw new Error(`output ${key} is ${tensor.type}`);
    // A copy: memory of the native side cannot be handed over.
    outputs[key] = { type: tensor.type, dims: tensor.dims, data: (tensor.data as Float32Array).slice() };
    tensor.dispose();
  }
  return { kind: 'ran', tensors: outputs };
}

async function perform(task: Task): Promise<Done> {
  switch (task.kind) {
    case 'pair':
      return { kind: 'pair', ...(await readPair(task.image, task.reference)) };
    case 'run':
      return await run(task.session, task.tensors);
  }
}

function buffersOf(done: Done): ArrayBuffer[] {
  if (done.kind === 'pair') return [done.pair.template.bits.buffer, done.pair.inspected.bits.buffer];
  return done.kind === 'ran' ? Object.values(done.tensors).map((tensor) => tensor.data.buffer as ArrayBuffer) : [];
}

const send = (answer: Answer, transfer: ArrayBuffer[] = []) => port.postMessage(answer, transfer);
const wordsOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

port.on('message', (message: Load | Leave | Task) => {
  if (message.kind === 'leave') exit(0);
  if (message.kind === 'load') {
    load(message).then(
      () => send({ kind: 'loaded', session: message.session, error: null }),
      (error: unknown) => send({ kind: 'loaded', session: message.session, error: wordsOf(error) }),
    );
    return;
  }
  perform(message).then(
    (done) => send({ kind: 'done', done }, buffersOf(done)),
    (error: unknown) =>
      error instanceof UnfitPair
        ? send({ kind: 'done', done: { kind: 'unfit', fault: error.fault, detail: error.message } })
        : send({ kind: 'failed', message: wordsOf(error) }),
  );
});
send({ kind: 'up' });
