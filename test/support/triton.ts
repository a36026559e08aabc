import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runtimeMeters } from '../../src/inference/meters.ts';
import { readGolden } from '../../src/inference/models/golden.ts';
import { readRepository } from '../../src/inference/models/repository.ts';
import type { KnownModel } from '../../src/inference/runtime/triton/examine.ts';
import { freePorts } from '../../src/platform/ports.ts';
import { createMetrics } from '../../src/platform/telemetry/metrics.ts';
import { writePythonRepository } from '../../tools/servers/triton/repository.ts';
import { startTriton, type TritonPorts, type TritonServer } from '../../tools/servers/triton.ts';

export const SHIPPED_MODELS = fileURLToPath(new URL('../../models', import.meta.url));

interface Ending {
  after(fn: () => unknown): void;
}

/** Where `.ci/run` has put the server. */
const HOME = process.env.TEST_TRITON;

async function tritonPorts(): Promise<TritonPorts> {
  const [http = 0, grpc = 0, metrics = 0] = await freePorts(3);
  return { http, grpc, metrics };
}

/** A real server with the models of a folder (Python backend), and where to start it again. */
export async function realTriton(
  t: Ending,
  models = SHIPPED_MODELS,
): Promise<{ server: TritonServer; repository: string; again(): Promise<TritonServer> }> {
  const repository = await mkdtemp(join(tmpdir(), 'cqp-triton-models-'));
  t.after(() => rm(repository, { recursive: true, force: true }));
  await writePythonRepository(models, repository);
  const ports = await tritonPorts();
  const again = async () => {
    const server = await startTriton(repository, ports, HOME === undefined ? {} : { home: HOME });
    t.after(() => server.kill());
    return server;
  };
  return { server: await again(), repository, again };
}

/** Every usable model of a folder with its known answer. */
export async function knownModels(folder = SHIPPED_MODELS): Promise<KnownModel[]> {
  const { models } = await readRepository(folder);
  return await Promise.all(
    models.map(async ({ manifest: { name, version }, folder: versionFolder }) => {
      const golden = await readGolden(versionFolder ?? '');
      if (golden === null) throw new Error(`${name} ${version} has no golden.json`);
      return { model: name, version, golden };
    }),
  );
}

/** Meters of their own and the text of `/metrics`. */
export function meters() {
  const metrics = createMetrics();
  return { meters: runtimeMeters(metrics), text: async () => (await metrics.render()).text };
}

export async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 15_000): Promise<number> {
  const began = performance.now();
  /** Milliseconds in which this process stood still: the breaker under test runs in it. */
  let stood = 0;
  while (!(await holds())) {
    if (performance.now() - began - stood > ms) throw new Error(`${what}: not within ${ms} ms`);
    const slept = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
    stood += Math.max(0, performance.now() - slept - 50);
  }
  return performance.now() - began - stood;
}
