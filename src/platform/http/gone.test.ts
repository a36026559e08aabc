import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BODY, STATION, sampleApp } from '../../../test/support/sample-app.ts';
import { createLifecycle } from '../lifecycle.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import type { AppOptions } from './app.ts';

const HEADERS = 'Host: localhost\r\nAuthorization: Bearer good\r\n';
const head = (path: string, more: string) => `POST ${path} HTTP/1.1\r\n${HEADERS}${more}\r\n\r\n`;
const TEXT = JSON.stringify(BODY);
const JSON_OF = (length: number) => `Content-Type: application/json\r\nContent-Length: ${length}`;

/** The sample with a lean creation and one whose body is read as it comes, as intake has them; tokens are known when the gate opens. */
async function served(t: TestContext, options: AppOptions = {}) {
  const known = Promise.withResolvers<void>();
  const lifecycle = createLifecycle({ drainDelayMs: 0, shutdownTimeoutMs: 1000, log: createLog({ level: 'silent', service: 'test' }) });
  const metrics = createMetrics();
  let asked = 0;
  const app = await sampleApp({
    lifecycle,
    metrics,
    authenticate: async () => {
      asked += 1;
      await known.promise;
      return STATION;
    },
    ...options,
  });
  app.post('/v1/lean', { config: { permission: 'inspections:write', class: 'create', lean: true } }, async (_request, reply) => {
    reply.sendText({ status: 201, text: '{}', location: '/v1/lean/1', version: 1 });
  });
  const begun: string[] = [];
  await app.register((scope, _options, registered) => {
    scope.addContentTypeParser('application/x-ndjson', (_request, source, done) => done(null, source));
    scope.post('/v1/lines', { config: { permission: 'inspections:write', class: 'create' } }, async (request) => {
      begun.push(request.id);
      for await (const _ of request.body as AsyncIterable<Buffer>);
      return {};
    });
    registered();
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => app.close());
  const { port } = app.server.address() as { port: number };
  async function status(request: string): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    socket.write(request);
    const [chunk] = (await Promise.race([
      new Promise((resolve) => socket.once('data', (data) => resolve([data]))),
      sleep(20_000, undefined, { ref: false }).then(() => ['nothing']),
    ])) as [Buffer | string];
    socket.destroy();
    return chunk.toString().slice(9, 12);
  }
  /** So many send this and leave while their tokens are looked at. */
  async function leave(count: number, request: string): Promise<void> {
    const before = asked;
    const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1'));
    for (const socket of sockets) socket.write(request);
    while (asked < before + count) await sleep(10);
    for (const socket of sockets) socket.destroy();
    await sleep(200);
  }
  return { port, lifecycle, metrics, begun, status, leave, known: () => known.resolve() };
}

test('clients that leave while their token is looked at are counted no longer', async (t) => {
  const { lifecycle, metrics, leave, known, status } = await served(t, { creations: { most: 64 } });
  await leave(32, head('/v1/lean', JSON_OF(TEXT.length)));
  await leave(32, head('/v1/lean', JSON_OF(TEXT.length)) + TEXT);
  known();
  await sleep(200);
  assert.equal(lifecycle.inFlight, 0);
  assert.match((await metrics.render()).text, /fastapi_inprogress\{[^}]*\/v1\/lean[^}]*\} 0\n/);
  assert.equal(await status(head('/v1/lean', JSON_OF(TEXT.length)) + TEXT), '201');
});

test('clients that leave while their token is looked at take no place among those that are at work', async (t) => {
  const { leave, known, status, begun } = await served(t, { createConcurrency: 4 });
  const lines = head('/v1/lines', 'Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked');
  await leave(4, lines);
  await leave(4, head('/v1/inspections', JSON_OF(TEXT.length)) + TEXT);
  known();
  await sleep(200);
  assert.deepEqual(begun, []);
  assert.equal(await status(head('/v1/inspections', JSON_OF(TEXT.length)) + TEXT), '201');
});
