import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { createApp } from '../platform/http/app.ts';
import { discardBody, lingeringClose } from '../platform/http/discard.ts';
import { ProblemError } from '../platform/problem.ts';
import { forwardRoutes } from './forward.ts';
import { gateway } from './index.ts';
import type { ServiceLink } from './service-link.ts';
import type { OpenApi } from './whole-document.ts';

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => unknown;

/** A service that does what the test says, and a gateway before it. */
async function pair(t: TestContext, handler: Handler, answerMs = 20_000) {
  const service = http.createServer(handler).listen(0, '127.0.0.1');
  await once(service, 'listening');
  t.after(() => {
    service.closeAllConnections();
    service.close();
  });
  return { service, ...(await gatewayBefore(t, `http://127.0.0.1:${(service.address() as AddressInfo).port}`, answerMs)) };
}
async function gatewayBefore(t: TestContext, url: string, answerMs = 20_000) {
  const app = await createApp({ corsOrigins: ['https://plant.example'] });
  const slice = await gateway({
    dashboardDir: '/nowhere',
    elsewhere: {
      addresses: { inspection: url, inference: url },
      bounds: { answerMs, uploadMs: 60_000 },
    },
  });
  await slice.routes?.(app);
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => app.close());
  return { address, parts: slice.parts ?? {} };
}
/** A look has 0.4 s: a machine that stands still says otherwise for a moment. */
async function told(parts: Record<string, () => unknown>, wanted: object): Promise<void> {
  let part = await parts.inspection?.();
  for (const end = Date.now() + 20_000; !isDeepStrictEqual(part, wanted) && Date.now() < end; part = await parts.inspection?.())
    await pause(100);
  assert.deepEqual(part, wanted);
}
const seenHeaders = (response: http.ServerResponse, request: http.IncomingMessage) =>
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ url: request.url, pairs: request.rawHeaders }));

/** A request with its headers as they are: `fetch` adds and refuses some. */
function ask(address: string, path: string, headers: Record<string, string | string[]>, method = 'GET', body?: string) {
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; text: string }>((resolve, reject) => {
    const request = http.request(address + path, { method, headers, agent: false }, async (response) => {
      let text = '';
      for await (const piece of response) text += piece;
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
    });
    request.on('error', reject).end(body);
  });
}

test('the service hears who asks from the gateway alone, and nothing of the client’s connection', async (t) => {
  const { address, service } = await pair(t, (request, response) => seenHeaders(response, request));
  const answer = await ask(address, '/v1/inspections?limit=3&x=%2f', {
    authorization: ['Bearer a', 'Bearer b'],
    connection: 'keep-alive, x-secret',
    'x-secret': 'of the hop',
    'keep-alive': 'timeout=9',
    te: 'trailers',
    origin: 'https://plant.example',
    'x-forwarded-for': '6.6.6.6',
    'x-forwarded-host': 'evil',
    'x-request-id': 'one-id',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'if-none-match': '"3"',
  });
  assert.equal(answer.status, 200);
  const { url, pairs } = JSON.parse(answer.text) as { url: string; pairs: string[] };
  assert.equal(url, '/v1/inspections?limit=3&x=%2f', 'as it came');
  const of = (name: string) => pairs.filter((_, at) => at % 2 === 1 && pairs[at - 1]?.toLowerCase() === name);
  assert.deepEqual(of('x-forwarded-for'), ['127.0.0.1']);
  assert.deepEqual(of('x-forwarded-host'), [new URL(address).host]);
  assert.deepEqual(of('x-forwarded-proto'), ['http']);
  assert.deepEqual(of('x-request-id'), ['one-id']);
  assert.deepEqual(of('authorization'), ['Bearer a', 'Bearer b'], 'two tokens are for the service to refuse');
  assert.deepEqual(of('host'), [`127.0.0.1:${(service.address() as AddressInfo).port}`]);
  assert.deepEqual(of('if-none-match'), ['"3"']);
  assert.equal(of('traceparent').length, 1);
  for (const name of ['x-secret', 'te', 'origin', 'keep-alive']) assert.deepEqual(of(name), [], name);
});

test('of the answer everything comes through but what is of the connection; CORS is the gateway’s, and no header stands there twice', async (t) => {
  const { address } = await pair(t, (_request, response) => {
    response.writeHead(206, {
      etag: '"7"',
      'content-range': 'bytes 0-3/9',
      'retry-after': '9',
      vary: 'accept-encoding',
      'cache-control': 'private',
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': '*',
      connection: 'close',
    });
    response.end('pixe');
  });
  const { status, headers, text } = await ask(address, '/v1/artifacts/a/content', { origin: 'https://plant.example' });
  assert.deepEqual(
    [status, text, headers.etag, headers['content-range'], headers['retry-after']],
    [206, 'pixe', '"7"', 'bytes 0-3/9', '9'],
  );
  assert.equal(headers['cache-control'], 'private');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['access-control-allow-origin'], 'https://plant.example');
  assert.deepEqual(headers.vary?.toLowerCase().split(', ').sort(), ['accept-encoding', 'origin']);
});

test('a body and its answer are on their way at the same time, and a client that does not read is waited for', async (t) => {
  let written = 0;
  const { address } = await pair(t, async (request, response) => {
    if (request.method === 'POST') return void request.pipe(response);
    const piece = Buffer.alloc(64 * 1024, 'x');
    for (; written < 64 * 1024 * 1024; written += piece.length) if (!response.write(piece)) await once(response, 'drain');
    response.end();
  });
  const request = http.request(`${address}/v1/inspections/batch`, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' } });
  request.write('one\n');
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const lines = response.setEncoding('utf8')[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'one\n');
  request.write('two\n');
  assert.equal((await lines.next()).value, 'two\n');
  request.end();
  assert.equal((await lines.next()).done, true);

  const slow = http.get(`${address}/v1/artifacts/a/content`);
  const [reading] = (await once(slow, 'response')) as [http.IncomingMessage];
  await pause(500);
  assert.ok(written < 32 * 1024 * 1024, `${written} bytes were taken for a client that reads none`);
  let bytes = 0;
  for await (const piece of reading) bytes += (piece as Buffer).length;
  assert.equal(bytes, 64 * 1024 * 1024);
});

test('a refusal before the body is whole reaches the client, and where nothing was closed its connection serves on', async (t) => {
  const { address } = await pair(t, async (request, response) => {
    if (request.headers.authorization === undefined) response.writeHead(401).end('who?');
    else {
      await discardBody(request);
      lingeringClose(request, response);
      response.writeHead(413).end('too large');
    }
  });
  const path = `${address}/v1/inspections/a/artifacts`;
  for (let round = 0; round < 5; round++) {
    const large = Readable.from(Array.from({ length: 500 }, () => Buffer.alloc(64 * 1024)));
    const init = { method: 'POST', body: large, duplex: 'half', headers: { authorization: 'Bearer a' } };
    const answer = await fetch(path, init as unknown as RequestInit);
    assert.deepEqual([answer.status, await answer.text()], [413, 'too large']);
  }
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const sockets = new Set();
  for (let round = 0; round < 3; round++) {
    const request = http.request(path, { method: 'POST', agent, headers: { 'content-length': 3_000_000 } });
    request.end(Buffer.alloc(3_000_000));
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    assert.equal(response.statusCode, 401);
    sockets.add(response.socket);
    await once(response.resume(), 'end');
  }
  assert.equal(sockets.size, 1);
  const waiting = http.request(path, { method: 'POST', headers: { 'content-length': 300 } });
  waiting.write('the rest follows when the answer is there');
  const [response] = (await once(waiting, 'response')) as [http.IncomingMessage];
  assert.equal(response.statusCode, 401);
  waiting.destroy();
});

test('a client that goes away ends its request at the service, before and after the answer began', async (t) => {
  for (const begun of [false, true]) {
    const gone = Promise.withResolvers<void>();
    const came = Promise.withResolvers<void>();
    const { address } = await pair(t, (_request, response) => {
      response.once('close', () => gone.resolve());
      if (begun) response.write('head');
      came.resolve();
    });
    const client = http.get(`${address}/v1/inspections/a?wait=20`).on('error', () => {});
    await came.promise;
    if (begun) await once(client, 'response');
    client.destroy();
    await Promise.race([
      gone.promise,
      pause(20_000, undefined, { ref: false }).then(() => assert.fail('the service still works for nobody')),
    ]);
  }
});

test('only a long wait and what arrives slowly take the connections that are held', async (t) => {
  const app = await createApp({});
  t.after(() => app.close());
  const lanes: string[] = [];
  const link: ServiceLink = {
    async send({ lane }) {
      lanes.push(lane);
      throw new ProblemError('service_unavailable');
    },
    look: async () => ({ status: 'ok' }),
    close: async () => {},
  };
  forwardRoutes(app, 'inspection', link, { answerMs: 20_000, uploadMs: 60_000 });
  for (const url of [
    '/v1/inspections/a?include=defects&wait=20',
    '/v1/inspections/a?wait=0',
    '/v1/inspections/a?include=wait=20',
    '/v1/lots?wait=20',
  ])
    await app.inject({ url });
  assert.deepEqual(lanes, ['held', 'quick', 'quick', 'quick']);
});

test('a read on a connection that ended is asked once more, a write never; both are told when to come back', async (t) => {
  const asked: string[] = [];
  let failures = 1;
  const { address } = await pair(t, (request, response) => {
    asked.push(request.method ?? '');
    if (failures-- > 0) request.socket.destroy();
    else response.end('good');
  });
  assert.equal((await ask(address, '/v1/lots', {})).text, 'good');
  assert.deepEqual(asked.splice(0), ['GET', 'GET']);
  failures = 2;
  const twice = await ask(address, '/v1/lots', {});
  assert.deepEqual([twice.status, asked.splice(0)], [503, ['GET', 'GET']]);
  failures = 1;
  const post = await ask(address, '/v1/inspections', { 'content-type': 'application/json' }, 'POST', '{}');
  assert.deepEqual([post.status, asked.splice(0)], [503, ['POST']]);
  assert.equal(post.headers['retry-after'], '2');
  failures = 0;
  assert.equal((await ask(address, '/v1/lots', {})).status, 200);
});

test('a service that is away or silent: 503 in the form of the address, and a part of the health in words', async (t) => {
  const free = net.createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  await new Promise((done) => free.close(done));
  const { address, parts } = await gatewayBefore(t, `http://127.0.0.1:${port}`);
  const began = performance.now();
  const answer = await ask(address, '/v1/inspections', {});
  assert.ok(performance.now() - began < 15_000);
  const problem = JSON.parse(answer.text) as { error: { code: string; message: string }; instance: string };
  assert.deepEqual([answer.status, answer.headers['retry-after'], problem.error.code], [503, '2', 'service_unavailable']);
  assert.ok(!answer.text.includes(String(port)), 'addresses of the plant are told to nobody');
  assert.deepEqual(Object.keys(JSON.parse((await ask(address, '/v2/models/stats', {})).text)), ['error']);
  await told(parts, { status: 'degraded', detail: 'out of reach (ECONNREFUSED)' });

  const silent = await pair(t, () => {}, 300);
  const late = await ask(silent.address, '/v1/lots', {});
  assert.deepEqual([late.status, late.headers['retry-after']], [503, '2']);
  assert.equal((await silent.parts.inspection?.())?.status, 'degraded');
  const well = await pair(t, (_request, response) => void response.end('{}'));
  await told(well.parts, { status: 'ok' });
});

test('addresses of the services are routes like others: 405 with what is allowed, 404 for the rest, preflights here', async (t) => {
  const { address } = await pair(t, (_request, response) => void response.end('reached'));
  const refused = await ask(address, '/v1/inspections', {}, 'DELETE');
  assert.deepEqual([refused.status, refused.headers.allow], [405, 'GET, HEAD, POST']);
  assert.equal((await ask(address, '/v1/none', {})).status, 404);
  const preflight = { origin: 'https://plant.example', 'access-control-request-method': 'POST' };
  const allowed = await ask(address, '/v1/inspections', preflight, 'OPTIONS');
  assert.deepEqual([allowed.status, allowed.headers['access-control-allow-origin']], [204, 'https://plant.example']);
  const head = await ask(address, '/v1/lots', {}, 'HEAD');
  assert.deepEqual([head.status, head.text], [200, '']);
});

test('the document is that of the whole; the part of a service that does not tell is left out', async (t) => {
  const part = {
    tags: [{ name: 'lots' }],
    paths: { '/v1/lots': { get: {} }, '/health': { get: {} } },
    components: { schemas: { Lot: {} } },
  };
  const { address } = await pair(t, (_request, response) => void response.end(JSON.stringify(part)));
  const whole = JSON.parse((await ask(address, '/api/v1/openapi.json', {})).text) as OpenApi;
  assert.ok(whole.paths['/v1/lots'] && whole.components.schemas?.Lot && whole.components.securitySchemes?.oauth2);
  const { address: alone } = await gatewayBefore(t, 'http://127.0.0.1:9');
  const left = JSON.parse((await ask(alone, '/api/v1/openapi.json', {})).text) as Record<string, object>;
  assert.deepEqual([left.openapi, Object.keys(left.paths ?? {})], ['3.1.0', []]);
});
