import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { farBytes } from './far-bytes.ts';

const silenceMs = 60;
const broken = (error: unknown) => new Error('away', { cause: error });
const of = (open: (signal: AbortSignal) => Promise<Readable>) => farBytes({ open, silenceMs, broken });

test('bytes come whole, asked for at the first read and not before', async () => {
  let asked = 0;
  const stream = of(async () => {
    asked += 1;
    return Readable.from([Buffer.from('ab'), Buffer.from('c')], { objectMode: false });
  });
  await pause(5);
  assert.equal(asked, 0);
  assert.equal((await buffer(stream)).toString(), 'abc');
  assert.equal(asked, 1);
});

test('a reader that takes its time is no silence; a store that says nothing is', async () => {
  const body = Readable.from(
    Array.from({ length: 8 }, () => Buffer.alloc(40_000)),
    { objectMode: false },
  );
  let got = 0;
  for await (const chunk of of(async () => body)) {
    got += (chunk as Buffer).length;
    await pause(silenceMs * 1.5);
  }
  assert.equal(got, 320_000);
  const silent = new PassThrough();
  silent.write('a');
  await assert.rejects(buffer(of(async () => silent)), /away/);
  assert.ok(silent.destroyed);
});

test('a reader that leaves ends the asking, or the connection; one that breaks ends the stream', async () => {
  const signals: AbortSignal[] = [];
  const early = of((signal) => {
    signals.push(signal);
    return new Promise(() => undefined);
  });
  early.read();
  early.destroy();
  assert.ok(signals[0]?.aborted);
  const body = new PassThrough();
  body.write('a');
  const late = of(async () => body);
  await late.iterator({ destroyOnReturn: false }).next();
  late.destroy();
  assert.ok(body.destroyed);
  const breaking = new PassThrough();
  const reading = buffer(of(async () => breaking));
  setImmediate(() => breaking.destroy(new Error('reset')));
  await assert.rejects(reading, /away/);
});
