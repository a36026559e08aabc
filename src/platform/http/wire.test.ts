import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { BODY, KNOWN_ID, sampleApp, TOKEN } from '../../../test/support/sample-app.ts';
import { createLifecycle } from '../lifecycle.ts';
import { createLog } from '../telemetry/log.ts';
import type { App, AppOptions } from './app.ts';

async function listening(t: TestContext, options: AppOptions = {}): Promise<{ app: App; port: number }> {
  const app = await sampleApp(options);
  await app.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => app.close());
  return { app, port: (app.server.address() as { port: number }).port };
}

/** Whether an answer that says how long it is has come to its end. */
function isWhole(got: string): boolean {
  const end = got.indexOf('\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)/i.exec(got)?.[1];
  return end >= 0 && length !== undefined && got.length >= end + 4 + Number(length);
}

/** Writes raw bytes in pieces and answers what came back until an answer was whole, the server closed or the time was over. */
async function raw(
  port: number,
  pieces: readonly (string | Buffer)[],
  options: { pauseMs?: number; waitMs?: number; writeFirst?: boolean } = {},
): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let got = '';
  const answered = Promise.withResolvers<void>();
  const read = () =>
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1');
      if (isWhole(got)) answered.resolve();
    });
  if (!options.writeFirst) read();
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
    socket.on('error', () => resolve());
  });
  for (const piece of pieces) {
    if (socket.destroyed) break;
    if (!socket.write(piece)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
    if (options.pauseMs) await sleep(options.pauseMs);
  }
  if (options.writeFirst) {
    await sleep(50);
    read();
  }
  await Promise.race([closed, answered.promise, sleep(options.waitMs ?? 20_000, undefined, { ref: false })]);
  socket.destroy();
  return got;
}

const head = (length: number | string, more = '') =>
  `POST /v1/inspections HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer good\r\nContent-Type: application/json\r\n${more}${typeof length === 'number' ? `Content-Length: ${length}` : length}\r\n\r\n`;

test('a client that writes 3 MB before it reads still sees the 413; so does a chunked one', async (t) => {
  const { port } = await listening(t);
  const body = Buffer.alloc(3_000_000, 0x20);
  assert.match(
    await raw(port, [head(body.length), ...Array.from({ length: 30 }, () => body.subarray(0, body.length / 30))], {
      writeFirst: true,
      pauseMs: 10,
    }),
    /^HTTP\/1\.1 413 /,
  );
  const chunk = Buffer.alloc(65_536, 0x20);
  const chunks = Array.from({ length: 40 }, () => Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')]));
  assert.match(await raw(port, [head('Transfer-Encoding: chunked'), ...chunks, '0\r\n\r\n'], { writeFirst: true }), /^HTTP\/1\.1 413 /);
});

test('a client that writes 64 MB before it reads sees its refusal, too large or overloaded, and no reset', async (t) => {
  const refusals = [
    [{}, /^HTTP\/1\.1 413 [\s\S]*connection: close[\s\S]*payload_too_large/i],
    [{ creations: { most: 0 } }, /^HTTP\/1\.1 503 [\s\S]*retry-after: \d+[\s\S]*connection: close[\s\S]*overloaded/i],
  ] as const;
  for (const [options, refusal] of refusals) {
    const { port } = await listening(t, options);
    const piece = Buffer.alloc(1_000_000, 0x20);
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const faults: Error[] = [];
    socket.on('error', (error) => faults.push(error));
    socket.write(head(64 * piece.length));
    for (let sent = 0; sent < 64; sent++) await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
    assert.deepEqual(faults, []);
    assert.match(await text(socket), refusal);
  }
});

test('a body without an end is not read for ever: after 4 MiB the 413 is sent and the connection closed', async (t) => {
  const { port } = await listening(t);
  const piece = Buffer.alloc(1024 * 1024, 0x20);
  const got = await raw(port, [head(100 * 1024 * 1024), ...Array.from({ length: 6 }, () => piece)], { waitMs: 2000 });
  assert.match(got, /^HTTP\/1\.1 413 [\s\S]*connection: close/i);
});

test('a header block over 16 KiB is 431 with the usual body; bytes that are no HTTP are 400', async (t) => {
  const { port } = await listening(t);
  const large = await raw(port, [`GET /v1/inspections HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${'a'.repeat(65_536)}\r\n\r\n`]);
  assert.match(large, /^HTTP\/1\.1 431 [\s\S]*header_too_large/);
  assert.match(await raw(port, ['nonsense\r\n\r\n']), /^HTTP\/1\.1 400 [\s\S]*malformed_request/);
  const both = await raw(port, [
    'POST /v1/inspections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ]);
  assert.match(both, /^HTTP\/1\.1 400 /, 'two lengths are one too many');
});

test('a request that does not say for whom it is gets the usual body, but for a probe by HTTP/1.0; an expectation that nobody knows is left unmet', async (t) => {
  const { port } = await listening(t);
  assert.match(await raw(port, ['GET /v1/inspections HTTP/1.1\r\n\r\n']), /^HTTP\/1\.1 400 [\s\S]*x-request-id[\s\S]*host_not_allowed/i);
  assert.match(await raw(port, ['GET /health HTTP/1.1\r\n\r\n']), /^HTTP\/1\.1 400 /);
  assert.match(await raw(port, ['GET /health HTTP/1.0\r\n\r\n']), /^HTTP\/1\.1 200 /);
  assert.match(await raw(port, ['GET /v1/inspections HTTP/1.0\r\nAuthorization: Bearer good\r\n\r\n']), /^HTTP\/1\.1 400 /);
  const text = JSON.stringify(BODY);
  assert.match(await raw(port, [head(text.length, 'Expect: a-miracle\r\n'), text]), /^HTTP\/1\.1 201 /);
});

test('a body that dribbles gets 408 and the connection is closed; one that arrives in pieces is fine', async (t) => {
  const { port } = await listening(t, { requestTimeoutMs: 3000 });
  const text = JSON.stringify(BODY);
  const slow = await raw(port, [head(text.length), ...text.slice(0, 10).split('')], { pauseMs: 60 });
  assert.match(slow, /^HTTP\/1\.1 408 [\s\S]*connection: close[\s\S]*request_timeout/i);
  const fine = await raw(port, [head(text.length), text.slice(0, 20), text.slice(20)], { pauseMs: 50 });
  assert.match(fine, /^HTTP\/1\.1 201 /);
});

test('a connection on which nothing is asked is closed without a word; half a head on it gets 408', { timeout: 30_000 }, async (t) => {
  const { port } = await listening(t, { keepAliveTimeoutMs: 500 });
  const began = performance.now();
  const [silent, half] = await Promise.all([
    raw(port, [], { waitMs: 20_000 }),
    raw(port, ['GET /v1/inspections HTTP/1.1\r\nHost: '], { waitMs: 20_000 }),
  ]);
  assert.equal(silent, '');
  assert.match(half, /^HTTP\/1\.1 408 /);
  assert.ok(performance.now() - began < 15_000, 'both are closed');
});

test('two Authorization headers are refused, whatever they say', async (t) => {
  const { port } = await listening(t);
  const got = await raw(port, [
    'GET /v1/inspections HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer good\r\nAuthorization: Bearer good\r\n\r\n',
  ]);
  assert.match(got, /^HTTP\/1\.1 401 /);
});

test('an unknown host is refused, a probe is not', async (t) => {
  const app = await sampleApp({ allowedHosts: ['localhost', '.example.com'] });
  t.after(() => app.close());
  const get = async (url: string, host: string) => (await app.inject({ url, headers: { ...TOKEN, host } })).statusCode;
  assert.equal(await get('/v1/inspections', 'evil.test'), 400);
  assert.equal(await get('/v1/inspections', 'localhost.evil.test'), 400);
  assert.equal(await get('/v1/inspections', 'LOCALHOST:8000'), 200);
  assert.equal(await get('/v1/inspections', 'a.example.com'), 200);
  assert.equal(await get('/health', '10.0.0.7:8000'), 200);
});

test('CORS answers the listed origin and no other; OPTIONS tells what there is', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  const preflight = {
    origin: 'https://quality-dashboard.company.com',
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'authorization',
  };
  const ok = await app.inject({ method: 'OPTIONS', url: '/v1/inspections', headers: preflight });
  assert.equal(ok.statusCode, 204);
  assert.equal(ok.headers['access-control-allow-origin'], preflight.origin);
  assert.equal(ok.headers['access-control-allow-credentials'], 'true');
  assert.equal(ok.headers['access-control-allow-methods'], 'GET, POST, PUT, DELETE');
  assert.equal(ok.headers['access-control-allow-headers'], 'authorization');
  const foreign = await app.inject({ method: 'OPTIONS', url: '/v1/inspections', headers: { ...preflight, origin: 'https://evil.test' } });
  assert.equal(foreign.headers['access-control-allow-origin'], undefined);
  assert.equal((await app.inject({ method: 'OPTIONS', url: '/v1/inspections' })).headers.allow, 'GET, HEAD, POST, OPTIONS');
  assert.equal((await app.inject({ method: 'OPTIONS', url: '/nope', headers: preflight })).statusCode, 404);
});

test('answers from 1,000 bytes are compressed when asked for, and carry the security headers', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  const headers = { ...TOKEN, 'accept-encoding': 'gzip' };
  const long = await app.inject({ url: '/v1/inspections', headers });
  assert.equal(long.headers['content-encoding'], 'gzip');
  assert.equal(JSON.parse(gunzipSync(long.rawPayload).toString()).filler.length, 2000);
  const short = await app.inject({ url: `/v1/inspections/${KNOWN_ID}`, headers });
  assert.equal(short.headers['content-encoding'], undefined);
  assert.equal(short.headers['x-content-type-options'], 'nosniff');
  assert.equal(short.headers['x-frame-options'], 'DENY');
  assert.match(String(short.headers['content-security-policy']), /default-src 'self'/);
  assert.equal((await app.inject({ method: 'HEAD', url: '/v1/inspections', headers: TOKEN })).body, '');
});

test('a list as a file: formulas are text, also behind a line feed, which begins no row; numbers and times stay', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  const response = await app.inject({ url: '/v1/rows', headers: TOKEN });
  assert.match(String(response.headers['content-type']), /^text\/csv/);
  assert.equal(
    response.body,
    'id,note,n,ok,at\r\n1,\'=cmd(),-5,true,1970-01-01T00:00:00.000Z\r\n2,"a ""b"", c",1.5,false,\r\n3,"fine\n=1+1",0,true,\r\n',
  );
});

test('a client has its rate, an address its failed tokens', async (t) => {
  const app = await sampleApp({ rateLimit: 2, failedTokenLimit: 3 });
  t.after(() => app.close());
  const statuses = async (count: number, headers: Record<string, string>) => {
    const answers = [];
    for (let at = 0; at < count; at++) answers.push(await app.inject({ url: `/v1/inspections/${KNOWN_ID}`, headers }));
    return answers;
  };
  const failed = await statuses(4, { authorization: 'Bearer bad' });
  assert.deepEqual(
    failed.map((answer) => answer.statusCode),
    [401, 401, 401, 429],
  );
  assert.equal(failed[3]?.headers['retry-after'], '60');
  const served = await statuses(30, TOKEN);
  assert.equal(served.filter((answer) => answer.statusCode === 200).length >= 20, true, 'ten seconds of rate at once');
  const over = served.find(({ statusCode }) => statusCode === 429);
  assert.equal(over?.headers['retry-after'], '1');
});

test('overload sheds reads with Retry-After and still takes creations', async (t) => {
  const app = await sampleApp({ waiting: () => 1000, maxWaiting: 400 });
  t.after(() => app.close());
  await app.ready();
  const ask = () => app.inject({ url: '/v1/inspections', headers: TOKEN });
  let read = await ask();
  // The load is known at the second look, each half a second.
  for (const end = Date.now() + 20_000; read.statusCode !== 503 && Date.now() < end; read = await ask()) await sleep(50);
  assert.equal(read.statusCode, 503);
  assert.equal(read.json().error.code, 'overloaded');
  assert.equal(read.headers['retry-after'], '1');
  assert.equal((await app.inject({ method: 'POST', url: '/v1/inspections', headers: TOKEN, payload: BODY })).statusCode, 201);
  assert.equal((await app.inject({ url: '/health' })).statusCode, 200);
});

test('only a long wait of a route that has one is outside the number of reads at work', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  let going = Promise.withResolvers<void>();
  const hang = async () => {
    await going.promise;
    return {};
  };
  const config = { permission: 'none', class: 'export' } as const;
  const querystring = { type: 'object', properties: { wait: { type: 'integer' }, note: { type: 'string' } } };
  app.get('/plain', { config }, hang);
  app.get('/trail', { config: { permission: 'none', class: 'audit' } }, hang);
  app.get('/waits', { config, schema: { querystring } }, hang);
  await app.ready();
  /** Whether one more than may be at work at once is told 503. */
  const isCounted = async (url: string, patienceMs = 20_000, headers = {}) => {
    going = Promise.withResolvers();
    const asked = Array.from({ length: 9 }, () => app.inject({ url, headers }));
    const told = await Promise.race([Promise.any(asked), sleep(patienceMs)]);
    going.resolve();
    await Promise.all(asked);
    return told?.statusCode === 503;
  };
  for (const url of ['/plain?wait=5', '/plain?x=wait=', '/waits?note=wait=5', '/waits?wait=0'])
    assert.equal(await isCounted(url), true, url);
  assert.equal(await isCounted('/plain', 20_000, { upgrade: 'anything' }), true, 'a header alone makes no live stream');
  assert.equal(await isCounted('/trail', 20_000, { accept: 'Text/CSV' }), true, 'a file, in any case of letters');
  assert.equal(await isCounted('/waits?note=a&wait=5', 500), false);
});

test('creations that do not say how long they are count with all that they may bring, and shut out no small one that says it', async (t) => {
  const { port } = await listening(t, { creations: { mostBytes: 2.5 * 1024 * 1024 } });
  const chunked = head('Transfer-Encoding: chunked');
  const open = [1, 2].map(() => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket.write(`${chunked}1\r\n{\r\n`);
    return socket;
  });
  let third = '';
  for (const end = Date.now() + 20_000; !third.startsWith('HTTP/1.1 503 ') && Date.now() < end; )
    third = await raw(port, [chunked, '1\r\n{\r\n'], { waitMs: 300 });
  assert.match(third, /^HTTP\/1\.1 503 /);
  assert.match(await raw(port, [head(900_000), ' '.repeat(100)]), /^HTTP\/1\.1 503 /, 'as one that says that it is large');
  const text = JSON.stringify(BODY);
  assert.match(await raw(port, [head(text.length), text]), /^HTTP\/1\.1 201 /);
  for (const socket of open) socket.destroy();
  let last = '';
  for (const end = Date.now() + 20_000; !last.startsWith('HTTP/1.1 201 ') && Date.now() < end; await sleep(50))
    last = await raw(port, [chunked, `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`]);
  assert.match(last, /^HTTP\/1\.1 201 /);
});

test('draining: what is in flight is finished, answers ask to close, and the count comes back to zero', async (t) => {
  const lifecycle = createLifecycle({ drainDelayMs: 100, shutdownTimeoutMs: 20_000, log: createLog({ level: 'silent', service: 'test' }) });
  const { port } = await listening(t, { lifecycle });
  lifecycle.serving();
  const text = JSON.stringify(BODY);
  const socket = connect(port, '127.0.0.1');
  socket.write(head(text.length) + text.slice(0, 5));
  while (lifecycle.inFlight === 0) await sleep(5);
  const drained = lifecycle.drain();
  assert.equal(lifecycle.phase, 'draining');
  const during = await fetch(`http://127.0.0.1:${port}/health`);
  assert.equal(during.headers.get('connection'), 'close');
  socket.write(text.slice(5));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 201 /);
  socket.destroy();
  await drained;
  assert.equal(lifecycle.inFlight, 0);
  await raw(port, [head(text.length)], { waitMs: 30 });
  for (const end = Date.now() + 10_000; lifecycle.inFlight > 0 && Date.now() < end; ) await sleep(10);
  assert.equal(lifecycle.inFlight, 0, 'a client that leaves is not counted for ever');
});
