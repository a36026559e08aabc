import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FastifyRequest } from 'fastify';
import { namesTag } from './conditional.ts';
import { wantsCsv } from './csv.ts';
import { operationId } from './document.ts';
import { createLimiter } from './limits.ts';
import { decodeCursor, encodeCursor, idPosition, pageOf, timeSpan } from './paging.ts';
import { loadOf, shedsAt } from './pressure.ts';
import { createQueue, type Place } from './queue.ts';
import { RouteTable, template } from './routes.ts';
import { hostFilter } from './security.ts';
import { sanRequestId, traceFor, traceOf } from './trace.ts';
import { validatorFactory } from './validation.ts';

test('a list is a file for who asks for text/csv no less than for JSON, in any case of letters', () => {
  const wants = (accept?: string) => wantsCsv({ headers: { accept } } as FastifyRequest);
  for (const accept of ['text/csv', 'TEXT/CSV', 'application/json;q=0.5, Text/Csv', 'text/csv, application/json'])
    assert.ok(wants(accept), accept);
  for (const accept of [undefined, '*/*', 'text/csv;q=0.4, application/json', 'text/csv;q=0']) assert.ok(!wants(accept), accept);
});

test('a bucket never gives more than its burst and its rate over any time, and its map stays bounded', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }), fc.integer({ min: 1, max: 20 }), (waits, rate) => {
      let now = 0;
      const burst = rate * 2;
      const limiter = createLimiter({ rate, burst, now: () => now });
      let given = 0;
      for (const wait of waits) {
        now += wait;
        if (limiter.take('k')) given++;
        assert.ok(given <= burst + (now / 1000) * rate + 1e-6);
      }
    }),
  );
  const limiter = createLimiter({ rate: 1, burst: 1, maxKeys: 100, now: () => 0 });
  for (let key = 0; key < 10_000; key++) limiter.take(`k${key}`);
  assert.ok(limiter.size <= 100);
});

test('under rising load exports go first, then reads, creations last, and the rest never', () => {
  const shed = (load: number) =>
    (['export', 'read', 'create', 'audit'] as const).filter((name) => shedsAt({ delay: load, all: load }, name));
  assert.deepEqual(
    [shed(0.9), shed(1), shed(2), shed(20), shed(1000)],
    [[], ['export'], ['export', 'read'], ['export', 'read', 'create'], ['export', 'read', 'create']],
  );
  assert.deepEqual(loadOf(500, 0, { maxDelayMs: 250, maxWaiting: 10 }), { delay: 2, all: 2 });
  assert.deepEqual(loadOf(0, 3000, { maxDelayMs: 250, maxWaiting: 10 }), { delay: 0, all: 300 });
  assert.equal(shedsAt({ delay: 0, all: 300 }, 'create'), false, 'a queue alone refuses no creation');
});

test('a cursor comes back as it went; anything else is a fault of query -> cursor', () => {
  const id = '01a20e9b-0d24-70ad-9bd0-be3ae9ebed45';
  assert.equal(decodeCursor(encodeCursor(id.toUpperCase()), idPosition), id);
  assert.equal(decodeCursor(undefined, idPosition), null);
  for (const bad of [
    '',
    '%',
    'bm9wZQ',
    encodeCursor({}),
    encodeCursor([1, id]),
    encodeCursor([id]),
    encodeCursor('x'),
    encodeCursor("' or 1=1"),
    encodeCursor('-'.repeat(36)),
    encodeCursor(`${id}\0`),
  ])
    assert.throws(() => decodeCursor(bad, idPosition), { code: 'validation_error' }, bad);
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        decodeCursor(text, idPosition);
      } catch (error) {
        assert.equal((error as { code: string }).code, 'validation_error');
      }
    }),
  );
});

test('a page shows its limit and points behind its last row only when there is more', () => {
  const rows = [1, 2, 3];
  const whole = pageOf(rows, 3, String, (row) => row);
  assert.deepEqual(whole, { data: ['1', '2', '3'], has_more: false, next_cursor: null });
  const part = pageOf(rows, 2, String, (row) => row);
  assert.deepEqual([part.data, part.has_more, decodeCursor(part.next_cursor ?? '', (value) => value as number)], [['1', '2'], true, 2]);
  assert.throws(() => timeSpan({ from: '2026-02-01T00:00:00Z', to: '2026-01-01T00:00:00Z' }), { code: 'validation_error' });
});

test('entity tags, hosts, request ids, traces and route patterns', () => {
  assert.ok(namesTag('"1", "3"', '"3"') && namesTag('*', '"3"') && namesTag('W/"3"', '"3"', true));
  assert.ok(!namesTag('"33"', '"3"') && !namesTag('W/"3"', '"3"') && !namesTag('3', '"3"'));
  const allowed = hostFilter(['localhost', '[::1]']);
  assert.ok(allowed('localhost:80') && allowed('[::1]:8000') && !allowed('') && !allowed('localhost.evil') && !allowed('[::2]'));
  assert.ok(hostFilter(['*'])(''));
  assert.ok(sanRequestId('a.B_-9') && !sanRequestId('') && !sanRequestId('a\nb') && !sanRequestId('x'.repeat(129)) && !sanRequestId(['a']));
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  assert.equal(traceOf(`00-${trace}-00f067aa0ba902b7-01`), trace);
  for (const bad of [
    `ff-${trace}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    trace,
    `00-${trace.toUpperCase()}-00f067aa0ba902b7-01`,
  ])
    assert.equal(traceOf(bad), undefined, bad);
  assert.match(traceFor('my-request'), /^[0-9a-f]{32}$/);
  const table = new RouteTable();
  table.add('/v1/lots/:lot_id', ['GET', 'HEAD']);
  table.add('/v1/lots/:lot_id/hold', ['POST']);
  table.add('*', ['OPTIONS']);
  assert.deepEqual(table.allowed('/v1/lots/LOT-1'), ['GET', 'HEAD']);
  assert.deepEqual(table.allowed('/v1/lots/LOT-1/hold'), ['POST']);
  assert.deepEqual([table.allowed('/v1/lots'), table.allowed('/v1/lots/a/b'), table.allowed('/v1/lots/')], [[], [], []]);
  assert.equal(template('/v1/products/:code/revisions/:rev'), '/v1/products/{code}/revisions/{rev}');
  assert.equal(operationId('GET', '/v1/products/:code/revisions/:rev'), 'getProductsByCodeRevisionsByRev');
});

test('creations wait in line: never more at once than allowed, first come first served, who leaves gives its place up', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 9 }), { maxLength: 300 }), fc.integer({ min: 1, max: 4 }), (steps, concurrency) => {
      const queue = createQueue({ concurrency, maxWaiting: 20 });
      const begun: number[] = [];
      const places: { id: number; place: Place; refused: boolean }[] = [];
      const gone = new Set<number>();
      let id = 0;
      for (const step of steps) {
        if (step < 6 || places.length === 0) {
          const mine = id++;
          const seat: { refused: boolean } = { refused: false };
          const place = queue.enter(1, (_place, error) => {
            if (error) seat.refused = true;
            else begun.push(mine);
          });
          if (!seat.refused) places.push({ id: mine, place, refused: false });
        } else {
          const [left] = places.splice(step % places.length, 1);
          if (left) {
            left.place.leave();
            left.place.leave();
            gone.add(left.id);
          }
        }
        const working = begun.filter((at) => !gone.has(at)).length;
        assert.ok(working <= concurrency);
        assert.equal(working, Math.min(concurrency, places.length), 'no place stays empty while somebody waits');
        assert.equal(queue.waiting, places.length - working);
        assert.ok(queue.waiting <= 20);
        assert.deepEqual(
          begun,
          [...begun].sort((a, b) => a - b),
        );
      }
      queue.stop();
    }),
  );
});

test('who has waited too long, or comes when the line is full, is told so with Retry-After', async () => {
  let now = 0;
  const queue = createQueue({ concurrency: 1, maxWaiting: 2, maxBytes: 100, maxWaitMs: 1000, now: () => now });
  const told: string[] = [];
  const enter = (name: string, bytes = 1) =>
    queue.enter(bytes, (_place, error) => told.push(`${name} ${error ? `${error.code} ${error.retryAfter}` : 'go'}`));
  enter('a');
  enter('b');
  enter('big', 200);
  enter('c');
  enter('d');
  assert.deepEqual(told, ['a go', 'big overloaded 2', 'd overloaded 2']);
  now = 2000;
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.deepEqual(told.slice(3), ['b overloaded 2', 'c overloaded 2']);
  assert.equal(queue.waiting, 0);
  const left = enter('e');
  now = 3500;
  enter('f');
  left.leave();
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.deepEqual(told.slice(5), [], 'f has just come, in place of one who has left');
  queue.stop();
});

test('a place is known before its turn begins: who gives it back at once gives it back', () => {
  const queue = createQueue({ concurrency: 1 });
  let begun = 0;
  for (let at = 0; at < 3; at += 1)
    queue.enter(1, (place) => {
      begun += 1;
      place.leave();
    });
  assert.deepEqual([begun, queue.waiting], [3, 0]);
  queue.stop();
});

test('a validator is made once for the same shapes, however many routes ask for it: each costs the start 50 ms and more', () => {
  const factory = validatorFactory();
  const shapes = { A: { $id: 'A', type: 'object' }, B: { $id: 'B', type: 'object' } };
  assert.equal(factory(shapes), factory({ B: shapes.B, A: shapes.A }));
  assert.notEqual(factory(shapes), factory({ A: shapes.A }));
  const compile = factory(shapes);
  const schema = { type: 'object', properties: { n: { type: 'integer' } } };
  assert.equal(compile({ schema, httpPart: 'querystring' })({ n: '5' }), true);
  assert.equal(compile({ schema, httpPart: 'body' })({ n: '5' }), false);
});
