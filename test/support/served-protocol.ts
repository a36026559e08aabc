import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Caller } from '../../src/contracts/permissions.ts';
import { readRepository } from '../../src/inference/models/repository.ts';
import { protocolRoutes } from '../../src/inference/protocol/routes.ts';
import { onnxRuntime } from '../../src/inference/runtime/onnx.ts';
import { keyOf } from '../../src/inference/runtime/runtime.ts';
import { openThreads } from '../../src/inference/threads/pool.ts';
import { type AppOptions, createApp } from '../../src/platform/http/app.ts';
import { createMetrics } from '../../src/platform/telemetry/metrics.ts';
import { writeTinyModel } from './tiny-model.ts';

const quiet = { info() {}, warn() {}, error() {} };
export const CALLER: Caller = {
  subject: 'other',
  kind: 'client',
  name: 'other',
  roles: [],
  scopes: new Set(['inference:read', 'inference:execute']),
  site: '*',
  stationId: null,
};

/** The embedded runtime with the tiny model behind /v2 on a real port of 127.0.0.1; any token is good. */
export async function servedProtocol(
  t: { after(fn: () => unknown): void },
  {
    maxPixels,
    productionOf = async () => 1,
    ...options
  }: { maxPixels?: number; productionOf?: (model: string) => Promise<number | null> } & Partial<AppOptions> = {},
): Promise<{ port: number; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-models-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeTinyModel(folder);
  const { models } = await readRepository(folder);
  const sessions = models.map(({ manifest, bytes }) => ({ session: keyOf(manifest.name, manifest.version), bytes }));
  const threads = openThreads({ size: 1, maxQueue: 64, timeoutMs: 10_000, models: sessions, log: quiet });
  await threads.settled();
  t.after(() => threads.close());
  const runtime = onnxRuntime(threads, models);
  const app = await createApp({ authenticate: () => CALLER, maxDelayMs: 60_000, ...options });
  await protocolRoutes(app, {
    runtime: () => runtime,
    models: () => models.map(({ manifest: { name: model, version, classes } }) => ({ model, version, classes: classes.length })),
    productionOf,
    metrics: createMetrics(),
    version: '1.0.0',
    runsHere: true,
    timeoutMs: 10_000,
    maxPixels,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => app.close());
  return { port: (app.server.address() as AddressInfo).port, folder };
}
