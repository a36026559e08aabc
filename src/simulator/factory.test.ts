import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Factory } from './factory.ts';

/** Gives tokens and takes master data; stations get 503. */
const half = createServer((request, response) => {
  const isStation = request.url?.startsWith('/v1/inspections');
  const isToken = request.url === '/token';
  response.statusCode = isStation ? 503 : 200;
  request.resume().on('end', () => response.end(isToken ? '{"access_token":"t","expires_in":900}' : '{"data":[]}'));
});

test('a plant that waits for its last boards to arrive hears the signal, and tells how many did not', { timeout: 30_000 }, async (t) => {
  const queueFolder = await mkdtemp(join(tmpdir(), 'cqp-factory-'));
  await new Promise<void>((listening) => half.listen(0, '127.0.0.1', listening));
  t.after(async () => {
    half.close().closeAllConnections();
    await rm(queueFolder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${(half.address() as AddressInfo).port}`;
  const client = (client_id: string, station_id?: string) => ({
    client_id,
    client_secret: 's',
    site: 'hamburg',
    ...(station_id === undefined ? {} : { station_id }),
  });
  const stop = new AbortController();
  let isMaking = false;
  const running = new Factory({
    url,
    credentials: { token_endpoint: `${url}/token`, clients: [client('aoi-hh-1', 'AOI-HH-1'), client('erp')] },
    stations: 1,
    pace: { fast: 6000, slow: 6000, fastMillis: 0 },
    defectRate: 0,
    seed: 7,
    truthFile: null,
    queueFolder,
    boards: 1,
    signal: stop.signal,
    say: () => {
      isMaking = true;
    },
  }).run();
  while (!isMaking) await pause(20);
  await pause(1500);
  const asked = performance.now();
  stop.abort();
  assert.equal(await running, 2, 'the inspection and its picture');
  assert.ok(performance.now() - asked < 5000);
});
