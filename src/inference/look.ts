import type { Readable } from 'node:stream';
import type { Candidate, InputFeatures } from '../contracts/inference.ts';
import { tensorOf, tilesOf } from './board.ts';
import { boxesOf, candidatesOf, FLOOR, type Found, rawScore } from './detections.ts';
import type { VerifiedModel } from './models/repository.ts';
import { type ModelRuntime, RunFailed } from './runtime/runtime.ts';
import type { PairFault } from './threads/messages.ts';
import type { Threads } from './threads/pool.ts';

/** Bytes by hash; the stream fails with ENOENT when they are not there. */
export interface PictureStore {
  read(sha256: string): Readable;
}

export interface LookDeps {
  pictures: PictureStore;
  threads: Threads;
  runtime: ModelRuntime;
  /** Told of every run of the model, in seconds. */
  onRun: (model: string, batchSize: number, seconds: number) => void;
}

/** No retry mends this; a person has to look. */
export class Unfit extends Error {
  override readonly name = 'Unfit';
  readonly reason: PairFault | 'model_failed';
  constructor(reason: PairFault | 'model_failed', detail: string) {
    super(detail);
    this.reason = reason;
  }
}

async function bytesOf(pictures: PictureStore, sha256: string, what: string): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of pictures.read(sha256)) chunks.push(chunk as Buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Unfit('model_failed', `the bytes of the ${what} are no longer kept`);
    throw error;
  }
  const size = chunks.reduce((total, chunk) => total + chunk.length, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/**
 * A model looks at a board: decode both pictures, compare tile by tile, name what differs.
 * @throws Unfit; RuntimeAway; RunFailed; the picture store's own faults
 */
export async function look(
  { pictures, threads, runtime, onRun }: LookDeps,
  { manifest }: Pick<VerifiedModel, 'manifest'>,
  sha256: { image: string; reference: string },
  { signal, priority }: { signal: AbortSignal; priority: number },
): Promise<{ candidates: Candidate[]; timingsMs: Record<string, number>; features: InputFeatures }> {
  const marks = [performance.now()];
  const image = await bytesOf(pictures, sha256.image, 'image');
  const reference = await bytesOf(pictures, sha256.reference, 'golden template');
  const transfer = [image.buffer, reference.buffer];
  const done = await threads.perform({ kind: 'pair', image, reference }, { transfer, signal, priority });
  if (done.kind === 'unfit') throw new Unfit(done.fault, done.detail);
  if (done.kind !== 'pair') throw new RunFailed(`decoding answered ${done.kind}`);
  marks.push(performance.now());
  const board = { width: done.pair.inspected.width, height: done.pair.inspected.height };
  const floor = rawScore(FLOOR, manifest.calibration);
  const found: Found[] = [];
  const tiles = tilesOf(board.width, board.height);
  for (const tile of tiles) {
    const began = performance.now();
    const tensors = { pair: tensorOf(done.pair, tile) };
    const outputs = await runtime.infer({ model: manifest.name, version: manifest.version, tensors, signal, priority });
    onRun(manifest.name, 1, (performance.now() - began) / 1000);
    found.push(...boxesOf(outputs, manifest.classes.length, floor, tile, board));
  }
  marks.push(performance.now());
  const candidates = candidatesOf(found, manifest);
  marks.push(performance.now());
  const between = (from: number) => Number(((marks[from + 1] as number) - (marks[from] as number)).toFixed(2));
  return { candidates, timingsMs: { decode: between(0), infer: between(1), postprocess: between(2) }, features: done.features };
}
