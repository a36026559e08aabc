import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Candidate, InputFeatures } from '../contracts/inference.ts';
import { ProblemError } from '../platform/problem.ts';
import { tensorOf, tilesOf } from './board.ts';
import { boxesOf, candidatesOf, FLOOR, type Found, rawScore } from './detections.ts';
import type { VerifiedModel } from './models/repository.ts';
import { type ModelRuntime, RunFailed, RuntimeAway } from './runtime/runtime.ts';
import { stillDifferent } from './still-different.ts';
import type { BoardPair, PairFault } from './threads/messages.ts';
import type { Threads } from './threads/pool.ts';

/** Bytes by hash; the stream fails with ENOENT when they are not there. */
export interface PictureStore {
  read(sha256: string): Readable;
}

export interface LookDeps {
  pictures: PictureStore;
  threads: Threads;
  runtime: Pick<ModelRuntime, 'infer'>;
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

/** The store of the pictures is away: it says nothing of the board or the model, and costs the run no attempt. */
export class PicturesAway extends RuntimeAway {}

/** Held against their hash: the record will say that these bytes were judged, whatever became of them in the store. */
async function bytesOf(pictures: PictureStore, sha256: string, what: string): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  const hash = createHash('sha256');
  try {
    for await (const chunk of pictures.read(sha256)) {
      hash.update(chunk as Buffer);
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Unfit('model_failed', `the bytes of the ${what} are no longer kept`);
    if (error instanceof ProblemError && error.code === 'storage_unavailable')
      throw new PicturesAway(`the ${what} cannot be read now`, { cause: error });
    throw error;
  }
  if (hash.digest('hex') !== sha256)
    throw new Unfit('model_failed', `the bytes of the ${what} are damaged in the store: their hash is another`);
  const size = chunks.reduce((total, chunk) => total + chunk.length, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

export interface Sight {
  pair: BoardPair;
  features: InputFeatures;
  board: { width: number; height: number };
  /** Before suppression, of all tiles; raw scores from `floor` up. */
  found: Found[];
  /** Decoding and aligning; the model. In milliseconds. */
  tookMs: { decode: number; infer: number };
}

/**
 * What a model sees on a board: decode both pictures, move the template under the inspected one, run tile by tile.
 * @throws Unfit; RuntimeAway (PicturesAway among them); RunFailed; the picture store's other faults
 */
export async function see(
  { pictures, threads, runtime, onRun }: LookDeps,
  { manifest }: Pick<VerifiedModel, 'manifest'>,
  sha256: { image: string; reference: string },
  { signal, priority, floor }: { signal: AbortSignal; priority: number; floor: number },
): Promise<Sight> {
  const began = performance.now();
  const image = await bytesOf(pictures, sha256.image, 'image');
  const reference = await bytesOf(pictures, sha256.reference, 'golden template');
  const transfer = [image.buffer, reference.buffer];
  const done = await threads.perform({ kind: 'pair', image, reference }, { transfer, signal, priority });
  if (done.kind === 'unfit') throw new Unfit(done.fault, done.detail);
  if (done.kind !== 'pair') throw new RunFailed(`decoding answered ${done.kind}`);
  const decoded = performance.now();
  const { pair, features } = done;
  const board = { width: pair.inspected.width, height: pair.inspected.height };
  const found: Found[] = [];
  for (const tile of tilesOf(board.width, board.height)) {
    const asked = performance.now();
    const tensors = { pair: tensorOf(pair, tile) };
    const outputs = await runtime.infer({ model: manifest.name, version: manifest.version, tensors, signal, priority });
    onRun(manifest.name, 1, (performance.now() - asked) / 1000);
    found.push(...boxesOf(outputs, manifest.classes.length, floor, tile, board));
  }
  return { pair, features, board, found, tookMs: { decode: decoded - began, infer: performance.now() - decoded } };
}

/**
 * A model looks at a board and names what differs.
 * @throws as `see`
 */
export async function look(
  deps: LookDeps,
  model: Pick<VerifiedModel, 'manifest'>,
  sha256: { image: string; reference: string },
  { signal, priority }: { signal: AbortSignal; priority: number },
): Promise<{ candidates: Candidate[]; timingsMs: Record<string, number>; features: InputFeatures }> {
  const floor = rawScore(FLOOR, model.manifest.calibration);
  const { pair, features, found, tookMs } = await see(deps, model, sha256, { signal, priority, floor });
  const seen = performance.now();
  const candidates = stillDifferent(pair, candidatesOf(found, model.manifest));
  const rounded = (ms: number) => Number(ms.toFixed(2));
  const timingsMs = { decode: rounded(tookMs.decode), infer: rounded(tookMs.infer), postprocess: rounded(performance.now() - seen) };
  return { candidates, timingsMs, features };
}
