import assert from 'node:assert/strict';
import { subscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { compose } from '../../src/compose.ts';
import { loadConfig } from '../../src/config.ts';
import { template } from '../../src/platform/http/routes.ts';

/** Addresses that refuse every request: a document of them would promise what is not there. */
const REFUSING = ['GET /v1/inspections/batch'];

test('every route of the API stands in the document, and the document names no other', { timeout: 120_000 }, async (t) => {
  const routes = new Set<string>();
  subscribe('fastify.initialization', (message) => {
    const { fastify } = message as { fastify: FastifyInstance };
    fastify.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) if (/^\/v[12](\/|$)/.test(url) && one !== 'HEAD') routes.add(`${one} ${template(url)}`);
    });
  });
  const dataDir = await mkdtemp(join(tmpdir(), 'cqp-document-'));
  const platform = await compose(loadConfig({}, { CQP_DATA_DIR: dataDir, CQP_DEMO: 'off', PORT: '0', LOG_LEVEL: 'silent' }));
  t.after(async () => {
    await platform.close();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  });
  const document = (await (await fetch(`${platform.url}/api/v1/openapi.json`)).json()) as { paths: Record<string, object> };
  const documented = Object.entries(document.paths)
    .flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`))
    .filter((name) => / \/v[12](\/|$)/.test(name));
  assert.ok(routes.size > 50, `${routes.size} routes were seen`);
  assert.deepEqual(documented.toSorted(), [...routes].filter((name) => !REFUSING.includes(name)).toSorted());
});
