import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Inspection } from '../../src/contracts/inspections.ts';
import { inspectBoard } from '../../src/simulator/boards/board.ts';
import { encodePng } from '../../src/simulator/boards/png.ts';
import { PlatformClient } from '../../src/simulator/client.ts';
import { makeProducts, type Product, writeProducts } from '../../src/simulator/products.ts';
import { testDatabase } from '../support/database.ts';
import { MEMORY_LIMITS, peakMib, SERVICES, startServices } from '../support/services.ts';

test('each service by itself on one database: together they are the platform, and each fits its memory', {
  timeout: 280_000,
}, async (t) => {
  const { url: database } = await testDatabase(t);
  const { at, addressOf } = await startServices(t, database);
  const { gateway } = at;

  await t.test('each answers its own routes and its health, and nothing of the others', async () => {
    const token = await gateway.tokenOf('admin');
    const asked = { '/v1/me': 'gateway', '/v1/inspections': 'inspection', '/v1/models': 'inference' } as const;
    for (const service of SERVICES) {
      assert.equal((await fetch(`${addressOf(service)}/health/ready`)).status, 200, service);
      assert.equal((await fetch(`${addressOf(service)}/metrics`)).status, 200, service);
      for (const [path, owner] of Object.entries(asked)) {
        const { status } = await fetch(addressOf(service) + path, { headers: { authorization: `Bearer ${token}` } });
        assert.equal(status, service === owner ? 200 : 404, `${path} at ${service}`);
      }
    }
  });

  await t.test('a board goes through all of them: token, record, model, verdict', async () => {
    const product = makeProducts(5, 1)[0] as Product;
    const client = (id: string) => {
      const found = gateway.credentials.clients.find((one) => one.client_id === id || one.station_id === id);
      assert.ok(found);
      return new PlatformClient({ url: addressOf('inspection'), tokenEndpoint: gateway.credentials.token_endpoint, client: found });
    };
    await writeProducts(client('erp-hamburg'), [product]);
    await client('erp-hamburg').send('PUT', '/v1/lots/LOT-2026-001', { product: product.code, revision: product.revision });
    const station = client('AOI-HH-1');
    const board = { lot_id: 'LOT-2026-001', chip_id: 'BOARD-1', inspection_type: 'visual' };
    const { id } = await station.send<Inspection>('POST', '/v1/inspections', board);
    const picture = encodePng(inspectBoard(product.template, { seed: 3, defects: 3 }).picture);
    await station.upload('POST', `/v1/inspections/${id}/artifacts?kind=image`, picture, 'image/png');
    let found = await station.get<Inspection>(`/v1/inspections/${id}?wait=20`);
    if (found.status === 'in_progress' || found.status === 'pending')
      found = await station.get<Inspection>(`/v1/inspections/${id}?wait=20`);
    assert.match(found.status, /^(completed|awaiting_review)$/);
  });

  await t.test('memory under load', async () => {
    const token = await gateway.station('ICT-HH-1').token();
    const until = performance.now() + 10_000;
    let created = 0;
    const worker = async (index: number) => {
      for (let chip = 0; performance.now() < until; chip += 1) {
        const answer = await fetch(`${addressOf('inspection')}/v1/inspections`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ lot_id: 'LOT-2026-002', chip_id: `CHIP-${index}-${chip}`, inspection_type: 'electrical' }),
        });
        await answer.arrayBuffer();
        if (answer.status === 201) created += 1;
      }
    };
    await Promise.all(Array.from({ length: 64 }, (_, index) => worker(index)));
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
