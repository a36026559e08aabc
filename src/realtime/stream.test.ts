import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { ENGINEER, event, MemoryFeed, type Personal } from '../../test/support/memory-feed.ts';
import { STATION } from '../../test/support/sample-app.ts';
import type { StreamMessage } from '../contracts/stream.ts';
import { createApp } from '../platform/http/app.ts';
import { createLifecycle } from '../platform/lifecycle.ts';
import { ProblemError } from '../platform/problem.ts';
import { createLog } from '../platform/telemetry/log.ts';
import { createMetrics } from '../platform/telemetry/metrics.ts';
import { realtime } from './index.ts';

async function platform(t: TestContext, options: { pingMs?: number; maxOfOne?: number; callers?: Record<string, Personal> } = {}) {
  const feed = new MemoryFeed();
  const metrics = createMetrics();
  const lifecycle = createLifecycle({ drainDelayMs: 0, shutdownTimeoutMs: 500, log: createLog({ level: 'silent', service: 'test' }) });
  const callers: Record<string, Personal> = options.callers ?? {
    good: ENGINEER,
    station: { ...STATION, scopes: new Set(['inspections:read']) },
    nothing: { ...ENGINEER, scopes: new Set(['audit:read']) },
  };
  const authenticate = (token: string) => {
    const caller = callers[token];
    if (caller === undefined) throw new ProblemError('unauthorized');
    return caller;
  };
  const app = await createApp({ authenticate, metrics, lifecycle, corsOrigins: ['https://dash.example'] });
  app.post('/v1/echo', { config: { permission: 'authenticated' } }, async (request) => request.body);
  await realtime({ feed, authenticate, metrics, lifecycle, origins: ['https://dash.example'], ...options }).routes?.(app);
  await app.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => app.close());
  const { port } = app.server.address() as { port: number };
  return { feed, metrics, lifecycle, callers, app, port };
}

interface Opened {
  socket: WebSocket;
  messages: StreamMessage[];
  closed: Promise<{ code: number; reason: string }>;
  ids(): string[];
  until(done: () => boolean): Promise<void>;
  subscribe(filter?: object, after?: string): void;
}

async function open(port: number, init: { token?: string; protocols?: string[]; origin?: string } = {}): Promise<Opened> {
  const headers: Record<string, string> = init.token === undefined ? {} : { authorization: `Bearer ${init.token}` };
  if (init.origin !== undefined) headers.origin = init.origin;
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, init.protocols ?? [], { headers });
  const messages: StreamMessage[] = [];
  socket.on('message', (data) => messages.push(JSON.parse(String(data)) as StreamMessage));
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) })),
  );
  await new Promise<void>((resolve, reject) => {
    socket.on('open', () => resolve());
    socket.on('unexpected-response', (_request, response) => {
      reject(new Error(`HTTP ${response.statusCode}`));
      socket.terminate();
    });
    socket.on('error', reject);
  });
  return {
    socket,
    messages,
    closed,
    ids: () => messages.flatMap((message) => (message.type === 'event' ? [message.event.event_id] : [])),
    async until(done) {
      for (let tries = 0; tries < 300 && !done(); tries++) await sleep(10);
      assert.ok(done(), JSON.stringify(messages.slice(-5)));
    },
    subscribe: (filter, after) =>
      socket.send(JSON.stringify({ type: 'subscribe', ...(filter ? { filter } : {}), ...(after === undefined ? {} : { after }) })),
  };
}

test('without an upgrade: 401 without a token, then 403, then 426; other addresses are not upgraded', async (t) => {
  const { port } = await platform(t);
  const get = (headers: Record<string, string>) => fetch(`http://127.0.0.1:${port}/v1/stream`, { headers });
  assert.equal((await get({})).status, 401);
  assert.equal((await get({ authorization: 'Bearer bad' })).status, 401);
  assert.equal((await get({ authorization: 'Bearer nothing' })).status, 403);
  const plain = await get({ authorization: 'Bearer good' });
  assert.equal(plain.status, 426);
  assert.equal(plain.headers.get('upgrade'), 'websocket');
  assert.equal((await plain.json()).error.code, 'upgrade_required');
  await assert.rejects(open(port), /HTTP 401/);
  await assert.rejects(open(port, { protocols: ['cqp.v1', 'bearer.bad'] }), /HTTP 401/);
  await assert.rejects(open(port, { token: 'nothing' }), /HTTP 403/);
});

test('an offer of h2c beside the stream is no upgrade: the request is served, body and all', async (t) => {
  const { port } = await platform(t);
  const body = '{"a":1}';
  const socket = connect(port, '127.0.0.1');
  socket.write(
    `POST /v1/echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer good\r\nContent-Type: application/json\r\nUpgrade: h2c\r\n` +
      `Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  assert.match(answer.toString(), /^HTTP\/1\.1 200 [\s\S]*\{"a":1\}$/);
});

test('a browser brings its token as a subprotocol and is answered cqp.v1 alone; foreign pages are refused', async (t) => {
  const { port } = await platform(t);
  const stream = await open(port, { protocols: ['cqp.v1', 'bearer.good'], origin: `http://127.0.0.1:${port}` });
  assert.equal(stream.socket.protocol, 'cqp.v1');
  stream.socket.close();
  (await open(port, { token: 'good', origin: 'https://dash.example' })).socket.close();
  for (const origin of ['https://evil.test', 'null', `http://127.0.0.1:${port + 1}`, `http://127.0.0.1.evil.test:${port}`])
    await assert.rejects(open(port, { token: 'good', origin }), /HTTP 403/, origin);
});

test('an event reaches who may see it and asked for it, and nobody else', async (t) => {
  const { feed, port, metrics } = await platform(t);
  const all = await open(port, { token: 'good' });
  const lot = await open(port, { token: 'good' });
  const station = await open(port, { token: 'station' });
  all.subscribe();
  lot.subscribe({ lot_id: 'lot-2025-002', event_types: ['inspection.created'] });
  station.subscribe();
  for (const stream of [all, lot, station]) await stream.until(() => stream.messages.some((message) => message.type === 'subscribed'));
  feed.tell(event(1));
  feed.tell(event(2, { site: 'US1' }));
  feed.tell(event(3, { lot: 'LOT-2025-002', station: 'AOI-2' }));
  feed.tell(event(4, { type: 'artifact.stored' }));
  feed.tell(event(5, { station: null }));
  await all.until(() => all.ids().includes('e-5'));
  await sleep(50);
  assert.deepEqual(all.ids(), ['e-1', 'e-3', 'e-4', 'e-5']);
  assert.deepEqual(lot.ids(), ['e-3']);
  assert.deepEqual(station.ids(), ['e-1'], 'its own station only, and no artifacts without their scope');
  assert.match((await metrics.render()).text, /stream_connections 3/);
  for (const stream of [all, lot, station]) stream.socket.close();
  await all.closed;
  for (let tries = 0; feed.listening > 0 && tries < 300; tries++) await sleep(10);
  assert.equal(feed.listening, 0, 'nobody listens: nothing is decoded');
});

test('who comes back after its cursor misses nothing and sees nothing twice, while new events come in', async (t) => {
  const { feed, port } = await platform(t);
  feed.delay = 20;
  for (let at = 1; at <= 1200; at++) feed.tell(event(at));
  const stream = await open(port, { token: 'good' });
  stream.subscribe({}, '100.0');
  for (let at = 1201; at <= 1300; at++) {
    feed.tell(event(at));
    await sleep(1);
  }
  await stream.until(() => stream.ids().length >= 1200);
  await sleep(60);
  assert.deepEqual(
    stream.ids(),
    Array.from({ length: 1200 }, (_, at) => `e-${at + 101}`),
  );
  feed.trimmed = 500;
  stream.messages.length = 0;
  stream.subscribe({}, '100.0');
  await stream.until(() => stream.messages.some((message) => message.type === 'gap'));
  feed.tell(event(1301));
  await stream.until(() => stream.ids().includes('e-1301'));
  assert.deepEqual(
    stream.messages.map((message) => message.type),
    ['gap', 'subscribed', 'event'],
  );
  stream.socket.close();
});

test('a client that writes nonsense is told; one that writes too much or too long is closed', async (t) => {
  const { port } = await platform(t);
  const stream = await open(port, { token: 'good' });
  for (const text of [
    '{',
    '{"type":"shout"}',
    '{"type":"subscribe","filter":{"x":1}}',
    '{"type":"subscribe","filter":{"event_types":["nope"]}}',
  ])
    stream.socket.send(text);
  stream.socket.send(Buffer.from([1, 2, 3]));
  await stream.until(() => stream.messages.length === 5);
  assert.ok(stream.messages.every((message) => message.type === 'error'));
  for (let at = 0; at < 300; at++) stream.socket.send('{}');
  assert.equal((await stream.closed).code, 1008);
  const long = await open(port, { token: 'good' });
  long.socket.send('x'.repeat(70_000));
  assert.equal((await long.closed).code, 1009);
});

test('a token that ends, or is taken back, ends the stream with 4401', async (t) => {
  const callers: Record<string, Personal> = { short: { ...ENGINEER, expiresAt: Date.now() + 300 }, back: ENGINEER };
  const { port } = await platform(t, { callers, pingMs: 500 });
  const short = await open(port, { token: 'short' });
  const back = await open(port, { token: 'back' });
  assert.equal((await short.closed).code, 4401);
  delete callers.back;
  assert.equal((await back.closed).code, 4401);
});

test('who does not answer a ping is dropped; who does stays; there is room for so many of one', async (t) => {
  const { port } = await platform(t, { pingMs: 1000, maxOfOne: 2 });
  const alive = await open(port, { token: 'good' });
  const dead = await open(port, { token: 'good' });
  await assert.rejects(open(port, { token: 'good' }), /HTTP 429/);
  dead.socket.pong = () => undefined;
  (dead.socket as unknown as { _receiver: { removeAllListeners(name: string): void } })._receiver.removeAllListeners('ping');
  assert.equal((await dead.closed).code, 1006);
  assert.equal(alive.socket.readyState, WebSocket.OPEN);
  alive.socket.close();
});

test('who asks for it hears a beat with each ping, and nobody else does', async (t) => {
  const { port } = await platform(t, { pingMs: 500 });
  const page = await open(port, { token: 'good' });
  const other = await open(port, { token: 'good' });
  page.socket.send(JSON.stringify({ type: 'subscribe', beat: true }));
  other.subscribe();
  await page.until(() => page.messages.filter((message) => message.type === 'beat').length >= 3);
  assert.deepEqual(
    other.messages.map((message) => message.type),
    ['subscribed'],
  );
  for (const stream of [page, other]) stream.socket.close();
});

test('at the drain every stream is sent elsewhere', async (t) => {
  const { port, lifecycle } = await platform(t);
  const stream = await open(port, { token: 'good' });
  await lifecycle.drain();
  assert.equal((await stream.closed).code, 1012);
  assert.equal(lifecycle.inFlight, 0);
});
