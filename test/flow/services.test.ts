import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Inspection } from '../../src/contracts/inspections.ts';
import { ADDRESSES } from '../../src/gateway/addresses.ts';
import { inspectBoard } from '../../src/simulator/boards/board.ts';
import { encodePng } from '../../src/simulator/boards/png.ts';
import { PlatformClient } from '../../src/simulator/client.ts';
import { makeProducts, type Product, writeProducts } from '../../src/simulator/products.ts';
import { testDatabase } from '../support/database.ts';
import { MEMORY_LIMITS, peakMib, SERVICES, startServices } from '../support/services.ts';

test('each service by itself on one database: one address for all of them, and each fits its memory', {
  timeout: 290_000,
}, async (t) => {
  const { url: database } = await testDatabase(t);
  const { at, addressOf, start } = await startServices(t, database, { LOG_LEVEL: 'info', CORS_ORIGINS: 'https://wall.plant' });
  const { gateway } = at;
  const url = addressOf('gateway');
  const admin = { authorization: `Bearer ${await gateway.tokenOf('admin')}` };
  const get = (path: string, headers: Record<string, string> = admin, method = 'GET') => fetch(url + path, { method, headers });
  /** The gateway's health once it holds, or as it is after half a minute: a look at a service has 0.4 s, which a busy machine may not have. */
  const healthOnce = async (holds: (health: { status: string; parts: Record<string, { status: string }> }) => boolean) => {
    for (const end = Date.now() + 30_000; ; await pause(200)) {
      const health = await (await get('/health')).json();
      if (holds(health) || Date.now() > end) return health;
    }
  };
  const client = (id: string) => {
    const found = gateway.credentials.clients.find((one) => one.client_id === id || one.station_id === id);
    assert.ok(found);
    return new PlatformClient({ url, tokenEndpoint: gateway.credentials.token_endpoint, client: found, tries: 3 });
  };
  const station = client('AOI-HH-1');

  await t.test('each answers its own routes and its health, and the gateway those of all', async () => {
    const asked = { '/v1/me': 'gateway', '/v1/inspections': 'inspection', '/v1/models': 'inference' } as const;
    for (const service of SERVICES) {
      assert.equal((await fetch(`${addressOf(service)}/health/ready`)).status, 200, service);
      assert.equal((await fetch(`${addressOf(service)}/metrics`)).status, 200, service);
      for (const [path, owner] of Object.entries(asked)) {
        const { status } = await fetch(addressOf(service) + path, { headers: admin });
        assert.equal(status, service === owner || service === 'gateway' ? 200 : 404, `${path} at ${service}`);
      }
    }
    const health = await healthOnce(({ status }) => status === 'ok');
    assert.deepEqual([health.status, health.parts.inspection, health.parts.inference], ['ok', { status: 'ok' }, { status: 'ok' }]);
  });

  await t.test('the gateway forwards what the services register, no more and no less, and its document describes the whole', async () => {
    const operations = async (address: string) => {
      const { paths } = (await (await fetch(`${address}/api/v1/openapi.json`)).json()) as { paths: Record<string, object> };
      return Object.entries(paths).flatMap(([path, methods]) =>
        path.startsWith('/health')
          ? []
          : Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
      );
    };
    const whole = new Set(await operations(url));
    for (const service of ['inspection', 'inference'] as const) {
      assert.deepEqual([...ADDRESSES[service]].sort(), (await operations(addressOf(service))).sort(), service);
      for (const address of ADDRESSES[service]) assert.ok(whole.has(address), `${address} is in the document of the gateway`);
    }
    assert.ok(whole.has('GET /v1/me'));
  });

  await t.test('a board goes through all of them by one address: token, record, picture, model, verdict', async () => {
    const product = makeProducts(5, 1)[0] as Product;
    const erp = client('erp-hamburg');
    await writeProducts(erp, [product]);
    await erp.send('PUT', '/v1/lots/LOT-2026-001', { product: product.code, revision: product.revision });
    const board = { lot_id: 'LOT-2026-001', chip_id: 'BOARD-1', inspection_type: 'visual' };
    const { id } = await station.send<Inspection>('POST', '/v1/inspections', board);
    const picture = encodePng(inspectBoard(product.template, { seed: 3, defects: 3 }).picture);
    const artifact = await station.upload<{ id: string }>('POST', `/v1/inspections/${id}/artifacts?kind=image`, picture, 'image/png');
    let found = await station.get<Inspection>(`/v1/inspections/${id}?wait=20`);
    if (found.status === 'in_progress' || found.status === 'pending')
      found = await station.get<Inspection>(`/v1/inspections/${id}?wait=20`);
    assert.match(found.status, /^(completed|awaiting_review)$/);
    for (const path of ['/v1/review-queue', '/v1/models', `/v1/inspections/${id}/defects`, '/v2'])
      assert.equal((await get(path)).status, 200, path);
    const part = await get(`/v1/artifacts/${artifact.id}/content`, { ...admin, range: 'bytes=1-3' });
    assert.deepEqual([part.status, await part.text()], [206, 'PNG']);
    const csv = await get('/v1/inspections', { ...admin, accept: 'text/csv' });
    assert.match(csv.headers.get('content-type') ?? '', /^text\/csv/);
    assert.ok((await csv.text()).includes('BOARD-1'));
  });

  await t.test('a batch of lines is answered while it is sent', async () => {
    const token = await station.token();
    const line = (chip: string) => `${JSON.stringify({ lot_id: 'LOT-2026-003', chip_id: chip, inspection_type: 'visual' })}\n`;
    const first = Promise.withResolvers<void>();
    async function* lines() {
      yield new TextEncoder().encode(line('LINE-1'));
      await first.promise;
      yield new TextEncoder().encode(line('LINE-2'));
    }
    const answer = await fetch(`${url}/v1/inspections/batch`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
      body: lines(),
      duplex: 'half',
    } as unknown as RequestInit);
    assert.equal(answer.status, 200);
    let text = '';
    for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += new TextDecoder().decode(piece);
      if (text.includes('"index":0')) first.resolve();
    }
    assert.deepEqual(
      text
        .trim()
        .split('\n')
        .map((one) => (JSON.parse(one) as { status: number }).status),
      [201, 201],
    );
  });

  await t.test('the service judges: 401, 403, 413, 422; the gateway knows what there is: 404, 405, CORS', async () => {
    assert.equal((await get('/v1/inspections', {})).status, 401);
    assert.equal((await get('/v1/inspections/00000000-0000-7000-8000-000000000000')).status, 404);
    assert.equal((await get('/v1/inspections?limit=0')).status, 422);
    assert.equal((await get('/v1/nothing')).status, 404);
    const refused = await get('/v1/inspections', admin, 'DELETE');
    assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD, POST']);
    const batch = await get('/v1/inspections/batch');
    assert.deepEqual([batch.status, batch.headers.get('allow')], [405, 'POST']);
    const large = { method: 'POST', headers: { ...admin, 'content-type': 'application/json' }, body: Buffer.alloc(2 ** 21, ' ') };
    assert.equal((await fetch(`${url}/v1/inspections`, large)).status, 413);
    const page = {
      origin: 'https://wall.plant',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    };
    const preflight = await get('/v1/inspections', page, 'OPTIONS');
    assert.deepEqual([preflight.status, preflight.headers.get('access-control-allow-origin')], [204, 'https://wall.plant']);
    const read = await get('/v1/inspections', { ...admin, origin: 'https://wall.plant' });
    assert.equal(read.headers.get('access-control-allow-origin'), 'https://wall.plant');
    assert.equal(read.headers.get('x-content-type-options'), 'nosniff');
    const head = await get('/v1/inspections', admin, 'HEAD');
    assert.deepEqual([head.status, await head.text()], [200, '']);
  });

  await t.test('one id for a request in both logs, and the client’s address, whatever the client claims', async () => {
    const token = await station.token();
    const forged = { authorization: `Bearer ${token}`, 'x-request-id': 'told-by-both', 'x-forwarded-for': '6.6.6.6' };
    const answer = await get('/v1/review-queue', forged);
    assert.deepEqual([answer.status, answer.headers.get('x-request-id')], [403, 'told-by-both']);
    assert.equal((await answer.json()).error.request_id, 'told-by-both');
    for (const service of ['gateway', 'inspection'] as const) {
      let lines: string[] = [];
      for (const end = Date.now() + 15_000; lines.length === 0 && Date.now() < end; await pause(100))
        lines = (await at[service].log()).split('\n').filter((one) => one.includes('told-by-both'));
      assert.ok(lines.length > 0, service);
      for (const line of lines) assert.match(line, /"client_ip":"(127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)"/);
    }
  });

  await t.test('a service that is killed: 503 that says when, the rest goes on; started again it is there', async () => {
    await at.inspection.stop('SIGKILL');
    const began = performance.now();
    const away = await get('/v1/inspections');
    assert.ok(performance.now() - began < 10_000);
    assert.deepEqual([away.status, away.headers.get('retry-after'), (await away.json()).error.code], [503, '2', 'service_unavailable']);
    assert.equal((await get('/health/ready')).status, 200);
    const health = await healthOnce(({ parts }) => parts.inspection?.status === 'degraded' && parts.inference?.status === 'ok');
    assert.deepEqual([health.status, health.parts.inspection.status, health.parts.inference.status], ['degraded', 'degraded', 'ok']);
    assert.equal((await get('/v1/models')).status, 200);
    await start('inspection');
    assert.equal((await get('/v1/inspections')).status, 200);
  });

  await t.test('memory under load', async () => {
    const token = await gateway.station('ICT-HH-1').token();
    const median = async (address: string) => {
      const times: number[] = [];
      for (let at = 0; at < 500; at += 1) {
        const began = performance.now();
        await (await fetch(`${address}/v1/stations`, { headers: admin })).arrayBuffer();
        times.push(performance.now() - began);
      }
      return times.sort((one, other) => one - other)[250] as number;
    };
    for (const _ of [1, 2, 3]) {
      const [direct, forwarded] = [await median(addressOf('inspection')), await median(url)];
      t.diagnostic(
        `a read, one at a time: ${direct.toFixed(2)} ms at the service, ${forwarded.toFixed(2)} ms through the gateway (P50 of 500)`,
      );
    }
    const until = performance.now() + 10_000;
    let created = 0;
    const worker = async (index: number) => {
      for (let chip = 0; performance.now() < until; chip += 1) {
        const answer = await fetch(`${url}/v1/inspections`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ lot_id: 'LOT-2026-002', chip_id: `CHIP-${index}-${chip}`, inspection_type: 'electrical' }),
        });
        await answer.arrayBuffer();
        if (answer.status === 201) created += 1;
      }
    };
    await Promise.all(Array.from({ length: 64 }, (_, index) => worker(index)));
    assert.ok(created > 100, `${created} creations`);
    for (const service of SERVICES) {
      const peak = await peakMib(at[service]);
      t.diagnostic(`${service}: ${peak} MiB at most (${MEMORY_LIMITS[service]} allowed), ${created} creations`);
      assert.ok(peak < MEMORY_LIMITS[service], `${service} took ${peak} MiB`);
    }
  });

  await t.test('each stops in good order', async () => {
    for (const service of ['reports', 'inference', 'inspection', 'gateway'] as const) assert.equal(await at[service].stop(), 0, service);
  });
});
