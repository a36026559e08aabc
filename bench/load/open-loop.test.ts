import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { declaredLength } from './connection.ts';
import { Histogram } from './histogram.ts';
import { chooser, evenly, openLoop, poisson } from './open-loop.ts';
import { BATCH_ITEMS, PostRequest } from './request.ts';

test('a quantile is at most 0.5 % above the value that the share does not exceed', () => {
  const histogram = new Histogram();
  for (let value = 1; value <= 1000; value += 1) histogram.record(value / 10);
  for (const [share, exact] of [
    [0.5, 50],
    [0.95, 95],
    [0.99, 99],
    [1, 100],
  ] as const) {
    const found = histogram.at(share);
    assert.ok(found >= exact && found <= exact * 1.0051, `${share}: ${found}`);
  }
  assert.equal(histogram.max, 100);
  assert.equal(new Histogram().at(0.5), 0);
});

test('a Poisson process has its rate, and gaps whose spread is their mean', () => {
  let state = 1;
  const random = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const times = [...poisson(500, 40, random)];
  assert.ok(Math.abs(times.length - 20_000) < 500, `${times.length} arrivals`);
  assert.ok((times.at(-1) as number) < 40_000);
  const gaps = times.slice(1).map((at, index) => at - (times[index] as number));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const spread = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  assert.ok(Math.abs(spread / mean - 1) < 0.05, `spread ${spread}, mean ${mean}`);
  assert.deepEqual([...evenly(4)], [0, 250, 500, 750]);
});

test('a mix is chosen by its shares', () => {
  const choose = chooser({ create: 70, read: 20, list: 10 });
  assert.deepEqual([0, 0.69, 0.71, 0.89, 0.91, 0.999].map(choose), ['create', 'create', 'read', 'read', 'list', 'list']);
});

test('each request has a chip and a key of its own, and its length stays as declared', () => {
  const request = new PostRequest('token');
  const seen = Array.from({ length: 3 }, () => {
    const text = request.next().toString('latin1');
    const [head = '', body = ''] = text.split('\r\n\r\n');
    assert.equal(declaredLength(Buffer.from(head.replace('content-length', 'Content-Length')), head.length), body.length);
    const key = /\r\nidempotency-key: (\S+)\r\n/.exec(`${head}\r\n`)?.[1] ?? '';
    assert.match(key, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    return `${(JSON.parse(body) as { chip_id: string }).chip_id} ${key}`;
  });
  assert.equal(new Set(seen).size, 3);
  for (const form of ['batch_json', 'batch_ndjson'] as const) {
    const body = new PostRequest('token', form).next().toString('latin1').split('\r\n\r\n')[1] ?? '';
    const items = (form === 'batch_json' ? JSON.parse(body) : body.split('\n').map((line) => JSON.parse(line))) as { chip_id: string }[];
    assert.equal(new Set(items.map(({ chip_id }) => chip_id)).size, BATCH_ITEMS);
  }
});

test('open loop against a server: everything due is answered, a reset and a refusal are told, latency counts from the due time', async (t) => {
  let serial = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      serial += 1;
      if (serial === 50) request.socket.destroy();
      else if (serial === 60) response.writeHead(503, { 'content-length': 0 }).end();
      else if (request.method === 'GET') response.writeHead(200).end('a,b\r\n');
      else response.writeHead(201, { location: '/v1/inspections/0190a000-0000-7000-8000-000000000000' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const result = await openLoop({
    host: '127.0.0.1',
    port,
    tokens: async () => ['a', 'b'],
    rate: 200,
    connections: 20,
    seconds: 1,
    mix: { create: 50, read: 50 },
    burst: 100,
    patience: 20,
  });
  const { steady, burst } = result;
  assert.ok(steady && burst);
  assert.equal(steady.answered + steady.resets, steady.due);
  assert.equal(steady.resets, 1);
  assert.equal(steady.non_2xx, 1);
  assert.equal(steady.server_errors, 1);
  assert.ok((steady.by_kind.read?.answered ?? 0) > 10);
  assert.equal(burst.answered, 100);
  assert.ok(burst.latency.p50 < 2000);
});

test('a server that speaks before it closes an idle connection leaves no request without an answer', async (t) => {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(201).end('{}'));
  });
  server.on('connection', (socket) => {
    const asked = setTimeout(() => socket.end('HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'), 300);
    socket.once('data', () => clearTimeout(asked));
    socket.once('close', () => clearTimeout(asked));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const given = {
    host: '127.0.0.1',
    port,
    tokens: async () => ['a'],
    rate: 100,
    connections: 100,
    seconds: 2,
    mix: { create: 1 },
    burst: 0,
    patience: 5,
  };
  const { steady, reopened } = await openLoop(given);
  assert.ok(steady);
  assert.ok(reopened > 20, `${reopened} connections rested for so long`);
  assert.equal(steady.unanswered, 0);
});

test('what settles is not counted, and what finds no free connection is given up when asked to: all others are answered', async (t) => {
  let busy = 0;
  let most = 0;
  const server = createServer((request, response) => {
    busy += 1;
    most = Math.max(most, busy);
    request.resume();
    setTimeout(() => {
      busy -= 1;
      response.writeHead(201, { 'content-length': 2 }).end('{}');
    }, 100);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const given = { host: '127.0.0.1', port, tokens: async () => ['a'], mix: { create: 1 }, burst: 0, patience: 20 };
  const { steady } = await openLoop({ ...given, rate: 1000, connections: 10, settle: 1, seconds: 2, giveUp: true });
  assert.ok(steady);
  // Ten connections of a tenth of a second each: about 100/s are sent, of 1,000/s.
  assert.deepEqual([steady.answered, steady.unanswered, most], [steady.due, 0, 10]);
  assert.ok(steady.due > 20 && steady.due <= 210, `${steady.due} due`);
  assert.ok(steady.given_up > 1000, `${steady.given_up} given up`);
  assert.equal(steady.by_status['201']?.answered, steady.due);
  // Nobody waited for a connection: ten times as many as can be done would wait for seconds.
  assert.ok(steady.latency.p50 < 5000);
});

test('a connection that was told when to come back asks nothing until then, when it is asked to wait', async (t) => {
  const refused = new Map<unknown, number>();
  const early: number[] = [];
  let again = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      const since = refused.get(request.socket);
      if (since !== undefined) {
        again += 1;
        if (performance.now() - since < 990) early.push(performance.now() - since);
      }
      refused.set(request.socket, performance.now());
      response.writeHead(503, { 'retry-after': '1', 'content-length': 0 }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const given = { host: '127.0.0.1', port, tokens: async () => ['a'], mix: { create: 1 }, burst: 0, patience: 20, giveUp: true };
  const { steady } = await openLoop({ ...given, rate: 500, connections: 10, seconds: 6, waitAsTold: true });
  assert.ok(steady);
  assert.deepEqual([early, steady.unanswered], [[], 0]);
  assert.ok(again >= 10, `${again} came again`);
});
