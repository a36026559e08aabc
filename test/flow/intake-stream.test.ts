import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { BatchResult } from '../../src/contracts/inspections.ts';
import { bearer, board, plant } from './intake.app.ts';

const { app, db, listen } = await plant({ after }, { uploadTimeoutMs: 120_000, creations: { most: 36 } });
const url = await listen();

/** A batch that is sent bit by bit: both directions are open at once. */
function open(headers: Record<string, string> = {}) {
  const sent: ClientRequest = request(`${url}/v1/inspections/batch`, {
    method: 'POST',
    headers: { ...bearer('aoi'), 'content-type': 'application/x-ndjson', ...headers },
  });
  sent.on('error', () => {});
  // Without it a body that is sent at once gets a Content-Length.
  sent.flushHeaders();
  let text = '';
  const answered = once(sent, 'response').then(([answer]) => {
    const message = answer as IncomingMessage;
    message.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    message.on('error', () => {});
    return message;
  });
  const ended = answered.then((message) => (message.readableEnded ? undefined : once(message, 'end')));
  ended.catch(() => {});
  answered.catch(() => {});
  const results = () =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as BatchResult);
  const until = async (count: number) => {
    for (const end = Date.now() + 60_000; results().length < count && Date.now() < end; ) await pause(10);
    return results();
  };
  return { sent, answered, ended, results, until };
}
const lines = (name: string, count: number, more: Record<string, unknown> = {}) =>
  Array.from(
    { length: count },
    (_, at) => `${JSON.stringify(board({ chip_id: `${name}-${String(at).padStart(4, '0')}`, ...more }))}\n`,
  ).join('');
const stored = async (name: string) =>
  Number((await db.pool.query('select count(*) as n from intake.inspection where chip_id like $1', [`${name}-%`])).rows[0].n);

test('results come back in order while the batch is still arriving, and a pause is no wait', async () => {
  const batch = open();
  batch.sent.write(lines('LIVE', 3));
  const first = await batch.until(3);
  assert.deepEqual(
    first.map(({ index, status }) => [index, status]),
    [
      [0, 201],
      [1, 201],
      [2, 201],
    ],
  );
  assert.equal(await stored('LIVE'), 3);
  // Cut within a line, and within a character of it.
  const text = Buffer.from(`${lines('LIVE2', 600, { station_metadata: { operator: 'Jürgen' } })}{broken\n${lines('LIVE3', 1)}`);
  for (let at = 0; at < text.length; at += 9973) batch.sent.write(text.subarray(at, at + 9973));
  const all = await batch.until(605);
  assert.deepEqual(
    all.map(({ index }) => index),
    Array.from({ length: 605 }, (_, at) => at),
  );
  assert.deepEqual(
    all.filter(({ status }) => status !== 201).map(({ index, status }) => [index, status]),
    [[603, 400]],
  );
  batch.sent.end();
  assert.equal((await batch.answered).statusCode, 200);
  await batch.ended;
  assert.equal(await stored('LIVE2'), 600);
});

test('a line over the size of a body fails alone; over the limits of a batch the last result says so and what was acknowledged stays', async () => {
  const long = open();
  long.sent.end(`${lines('LONG', 1)}{"lot_id": "${'x'.repeat(1024 * 1024)}"}\n${lines('LONG', 1).replace('LONG-0000', 'LONG-0001')}`);
  assert.deepEqual(
    (await long.until(3)).map(({ index, status }) => [index, status]),
    [
      [0, 201],
      [1, 413],
      [2, 201],
    ],
  );

  const many = open();
  many.sent.end(lines('MANY', 1200));
  await many.ended;
  const results = many.results();
  assert.equal(results.length, 1001);
  assert.deepEqual([results[1000]?.index, results[1000]?.status, results[999]?.status], [1000, 422, 201]);
  assert.equal(await stored('MANY'), 1000);

  const large = open();
  large.sent.write(lines('LARGE', 1));
  await large.until(1);
  for (let at = 0; at < 17; at += 1) large.sent.write(`${' '.repeat(1024 * 1024 - 1)}\n`);
  assert.deepEqual(
    (await large.until(2)).map(({ status }) => status),
    [201, 413],
  );
  await large.ended;
});

test('before the first result what is wrong is a problem of the whole', async () => {
  const empty = open();
  empty.sent.end();
  assert.equal((await empty.answered).statusCode, 200);
  const large = open();
  for (let at = 0; at < 17; at += 1) large.sent.write(' '.repeat(1024 * 1024));
  large.sent.end();
  assert.equal((await large.answered).statusCode, 413);
});

test('a sender that goes away keeps what it was told, and nothing of what it was not', async () => {
  const batch = open();
  batch.sent.write(lines('GONE', 250) + lines('HALF', 1).trimEnd());
  await batch.until(250);
  batch.sent.destroy();
  await pause(200);
  assert.deepEqual([await stored('GONE'), await stored('HALF')], [250, 0]);
});

test('a body that breaks off as no HTTP ends the answer that has begun, and puts nothing into it', async () => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let got = '';
  socket.on('data', (chunk) => {
    got += chunk.toString();
  });
  const head = Object.entries({
    ...bearer('aoi'),
    host: 'localhost',
    'content-type': 'application/x-ndjson',
    'transfer-encoding': 'chunked',
  });
  const line = lines('NOHTTP', 1);
  socket.write(`POST /v1/inspections/batch HTTP/1.1\r\n${head.map((pair) => pair.join(': ')).join('\r\n')}\r\n\r\n`);
  socket.write(`${Buffer.byteLength(line).toString(16)}\r\n${line}\r\n`);
  for (const end = Date.now() + 60_000; !got.includes('"status":201') && Date.now() < end; ) await pause(10);
  socket.write('no length of a chunk\r\n');
  await once(socket, 'close');
  assert.deepEqual(got.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200']);
  assert.equal(await stored('NOHTTP'), 1);
});

test('with Content-Length or a key nothing is stored before all is there: one that breaks off stores nothing', async () => {
  for (const headers of [{ 'content-length': '1000000' }, { 'idempotency-key': 'broken-off' }] as Record<string, string>[]) {
    const batch = open(headers);
    batch.sent.write(lines('SHORT', 600));
    await pause(200);
    assert.equal(await stored('SHORT'), 0);
    batch.sent.destroy();
    await pause(200);
    assert.equal(await stored('SHORT'), 0, JSON.stringify(headers));
  }
  const text = lines('KEYED', 700);
  const answers: BatchResult[][] = [];
  for (let round = 0; round < 2; round += 1) {
    const keyed = open({ 'idempotency-key': 'streamed' });
    for (let at = 0; at < text.length; at += 50_000) keyed.sent.write(text.slice(at, at + 50_000));
    keyed.sent.end();
    answers.push(await keyed.until(700));
  }
  assert.deepEqual(answers[1], answers[0]);
  assert.equal(await stored('KEYED'), 700);
});

test('while the database is slow the sender is held back, and everything is stored once it goes on', async () => {
  const blocker = await db.pool.connect();
  await blocker.query('begin');
  await blocker.query('lock table intake.inspection in exclusive mode');
  const batch = open();
  const metadata = { text: 'x'.repeat(14_000) };
  let written = 0;
  for (const line of lines('HELD', 1000, { station_metadata: metadata }).split('\n').slice(0, -1)) {
    batch.sent.write(`${line}\n`);
    written += line.length + 1;
  }
  batch.sent.end();
  await pause(500);
  const socket = batch.sent.socket;
  const taken = (socket?.bytesWritten ?? 0) - (socket?.writableLength ?? 0);
  await blocker.query('rollback');
  blocker.release();
  assert.ok(written > 13_000_000);
  // Two pieces of a mebibyte, and what the kernel holds on its way.
  assert.ok(taken < 12_000_000, `${taken} bytes were taken`);
  const results = await batch.until(1000);
  assert.ok(results.every(({ status }) => status === 201));
  assert.equal(await stored('HELD'), 1000);
});

test('a database that goes away in the middle costs only the inspections it was asked for', async () => {
  const batch = open();
  batch.sent.write(lines('AWAY', 2));
  await batch.until(2);
  await db.pool.query(
    `create function intake.refuse() returns trigger language plpgsql as $$ begin raise exception 'full' using errcode = '53100'; end $$`,
  );
  await db.pool.query('create trigger refuse before insert on intake.inspection for each statement execute function intake.refuse()');
  batch.sent.write(lines('AWAY2', 2));
  assert.deepEqual(
    (await batch.until(4)).slice(2).map(({ status, error }) => [status, error?.code]),
    [
      [503, 'database_unavailable'],
      [503, 'database_unavailable'],
    ],
  );
  await db.pool.query('drop trigger refuse on intake.inspection');
  batch.sent.end(lines('AWAY3', 1));
  assert.equal((await batch.until(5))[4]?.status, 201);
});

after(() => app.close());

test('batches that stay open hold up nobody, however many they are', async () => {
  const streams = Array.from({ length: 40 }, (_, at) => {
    const batch = open();
    batch.sent.write(lines(`OPEN${at}`, 1));
    return batch;
  });
  for (const batch of streams) assert.equal((await batch.until(1))[0]?.status, 201);
  const began = performance.now();
  const keyed = await fetch(`${url}/v1/inspections/batch`, {
    method: 'POST',
    headers: { ...bearer('aoi'), 'content-type': 'application/json', 'idempotency-key': 'beside-open-batches' },
    body: JSON.stringify([board({ chip_id: 'BESIDE' })]),
    signal: AbortSignal.timeout(30_000),
  });
  assert.equal(keyed.status, 200);
  assert.ok(performance.now() - began < 15_000, 'its place would have come after 25 s');
  for (const batch of streams) batch.sent.destroy();
});
