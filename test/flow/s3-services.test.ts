import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Artifact } from '../../src/contracts/artifacts.ts';
import type { Inspection } from '../../src/contracts/inspections.ts';
import { inspectBoard } from '../../src/simulator/boards/board.ts';
import { encodePng } from '../../src/simulator/boards/png.ts';
import { PlatformClient } from '../../src/simulator/client.ts';
import { makeProducts, type Product, writeProducts } from '../../src/simulator/products.ts';
import { testDatabase } from '../support/database.ts';
import { until } from '../support/floor.ts';
import { startPlatform } from '../support/platform.ts';
import { openBucket, withoutS3 } from '../support/s3-bucket.ts';
import { SERVICES, startServices } from '../support/services.ts';

interface Health {
  status: string;
  parts: Record<string, { status: string; detail?: string }>;
}
const healthOf = async (url: string) => (await (await fetch(`${url}/health`)).json()) as Health;

test('services with nothing in common but database and bucket judge a board, and give its picture back whole and in parts', {
  skip: withoutS3,
  timeout: 280_000,
}, async (t) => {
  const { url: database } = await testDatabase(t);
  const bucket = await openBucket(t);
  const { at, addressOf } = await startServices(t, database, bucket.environment, 'folders apart');
  const { gateway } = at;
  const client = (id: string) => {
    const found = gateway.credentials.clients.find((one) => one.client_id === id || one.station_id === id);
    assert.ok(found);
    return new PlatformClient({ url: addressOf('inspection'), tokenEndpoint: gateway.credentials.token_endpoint, client: found });
  };
  const product = makeProducts(5, 1)[0] as Product;
  await writeProducts(client('erp-hamburg'), [product]);
  await client('erp-hamburg').send('PUT', '/v1/lots/LOT-2026-001', { product: product.code, revision: product.revision });
  const station = client('AOI-HH-1');
  const board = { lot_id: 'LOT-2026-001', chip_id: 'BOARD-1', inspection_type: 'visual' };
  const { id } = await station.send<Inspection>('POST', '/v1/inspections', board);
  const picture = encodePng(inspectBoard(product.template, { seed: 3, defects: 3 }).picture);
  const stored = await station.upload<Artifact>('POST', `/v1/inspections/${id}/artifacts?kind=image`, picture, 'image/png');
  await until('the verdict', async () =>
    /completed|awaiting_review/.test((await station.get<Inspection>(`/v1/inspections/${id}?wait=5`)).status),
  );

  const content = `${addressOf('inspection')}/v1/artifacts/${stored.id}/content`;
  const authorization = `Bearer ${await station.token()}`;
  const sha256 = createHash('sha256').update(picture).digest('hex');
  const whole = await fetch(content, { headers: { authorization } });
  assert.deepEqual([whole.status, whole.headers.get('etag')], [200, `"${sha256}"`]);
  assert.deepEqual(Buffer.from(await whole.arrayBuffer()), Buffer.from(picture));
  const part = await fetch(content, { headers: { authorization, range: 'bytes=10-19' } });
  assert.deepEqual([part.status, part.headers.get('content-range')], [206, `bytes 10-19/${picture.length}`]);
  assert.deepEqual(Buffer.from(await part.arrayBuffer()), Buffer.from(picture.subarray(10, 20)));
  assert.equal((await fetch(content, { headers: { authorization, 'if-none-match': `"${sha256}"` } })).status, 304);

  assert.ok((await bucket.names()).includes(sha256));
  for (const service of SERVICES) {
    await until(`storage of ${service}`, async () => (await healthOf(addressOf(service))).parts.storage?.status === 'ok');
    assert.deepEqual(await readdir(join(at[service].dataDir, 'blobs'), { recursive: true }), ['arriving'], `no picture lies at ${service}`);
  }
});

test('a bucket that is not there does not stop the start: it is logged, health says it, and readiness does not turn on it', {
  skip: withoutS3,
  timeout: 120_000,
}, async (t) => {
  const bucket = await openBucket(t);
  const platform = await startPlatform(t, { environment: { ...bucket.environment, S3_BUCKET: 'nobody-made-this' } });
  const { parts, status } = await until('a degraded storage', async () => {
    const health = await healthOf(platform.url);
    return /has no bucket nobody-made-this/.test(health.parts.storage?.detail ?? '') && health;
  });
  assert.deepEqual([status, parts.storage?.status], ['degraded', 'degraded']);
  assert.equal((await fetch(`${platform.url}/health/ready`)).status, 200);
  const log = await until('the line in the log', async () => {
    const text = await platform.log();
    return text.includes('files are away') && text;
  });
  assert.deepEqual(log.match(/files are away/g)?.length, 1, 'one line for as long as it lasts');
  assert.match(log, /S3 has no bucket nobody-made-this/);
  assert.ok(!log.includes(String(bucket.environment.S3_SECRET_ACCESS_KEY)));
});
