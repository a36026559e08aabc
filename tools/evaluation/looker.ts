import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Candidate, InputFeatures } from '../../src/contracts/inference.ts';
import { look } from '../../src/inference/look.ts';
import type { Manifest } from '../../src/inference/models/manifest.ts';
import { readRepository } from '../../src/inference/models/repository.ts';
import { onnxRuntime } from '../../src/inference/runtime/onnx.ts';
import { keyOf, type ModelRuntime } from '../../src/inference/runtime/runtime.ts';
import { openThreads, type Threads } from '../../src/inference/threads/pool.ts';

export interface Looker {
  manifest: Manifest;
  threads: Threads;
  runtime: ModelRuntime;
  /** Decode, align, tile, model, boxes, second look: what the platform's workers do with a pair, without its database. */
  look(
    image: Uint8Array,
    reference: Uint8Array,
  ): Promise<{ candidates: Candidate[]; timingsMs: Record<string, number>; features: InputFeatures }>;
  /** Those of the candidates that reach the threshold of their class. */
  calls(candidates: readonly Candidate[]): Candidate[];
  close(): Promise<void>;
}

/** A model of a repository on `size` threads of this process: its newest version, which judges on a new database. @throws Error when the folder has none */
export async function openLooker(modelsDir: string, size: number, { name = 'pcb-pair-synth', version = 0 } = {}): Promise<Looker> {
  const { models, refused } = await readRepository(modelsDir);
  const wanted = ({ manifest }: (typeof models)[number]) =>
    manifest.name === name && (version === 0 ? manifest.use !== 'research' : manifest.version === version);
  const model = models.findLast(wanted);
  if (!model)
    throw new Error(
      `${modelsDir} holds no ${name}${version === 0 ? '' : ` ${version}`}: ${refused.map(({ folder, reason }) => `${folder}: ${reason}`).join('; ')}`,
    );
  const { manifest, bytes } = model;
  const log = { info() {}, warn: console.warn, error: console.error };
  const threads = openThreads({
    size,
    maxQueue: 64,
    timeoutMs: 60_000,
    models: [{ session: keyOf(manifest.name, manifest.version), bytes }],
    log,
  });
  await threads.settled();
  const runtime = onnxRuntime(threads, [model]);
  return {
    manifest,
    threads,
    runtime,
    async look(image, reference) {
      const held = new Map([image, reference].map((one) => [createHash('sha256').update(one).digest('hex'), one]));
      const [first, second = first] = [...held.keys()] as [string, string?];
      const pictures = { read: (sha256: string) => Readable.from([Buffer.from(held.get(sha256) as Uint8Array)]) };
      const options = { signal: new AbortController().signal, priority: 5 };
      return await look({ pictures, threads, runtime, onRun: () => {} }, model, { image: first, reference: second }, options);
    },
    calls: (candidates) => candidates.filter((one) => one.score >= (manifest.thresholds[one.class] ?? 1)),
    close: () => runtime.close(),
  };
}
