import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openStation, type Station } from './index.ts';

const ID = '01a21eda-bcbc-72e5-a030-f58eefcafd30';
const BODY = { lot_id: 'LOT-2026-001', chip_id: 'C-1', inspection_type: 'visual' } as const;

interface Stub {
  /** Paths that were asked for since the last look. */
  asked: string[];
  /** The body of a 200 to a path. */
  answer(path: string): string;
  open(): Promise<Station>;
  folder: string;
}

/** Something at the address of the platform, and a station that knows no better. */
async function stub(t: TestContext): Promise<Stub> {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-sender-'));
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/\?.*/, '');
    it.asked.push(path);
    request.resume().on('end', () => response.end(it.answer(path)));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  t.after(async () => {
    server.close().closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const open = () => openStation({ url, credentials: { token: async () => 't' }, stationId: 'AOI-HH-1', folder });
  const it: Stub = { asked: [], answer: () => '<html>sign in to this network</html>', open, folder };
  return it;
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + 10_000; !isTrue(); await pause(10)) assert.ok(Date.now() < end, what);
}

test('a portal that says 200 to everything is given nothing: what waits is sent when the platform is back', async (t) => {
  const it = await stub(t);
  const station = await it.open();
  const { ref } = await station.post(BODY);
  await station.attach(ref, Buffer.from('a picture'), 'image', 'image/png');
  await station.measure(ref, [{ characteristic: 'hot_spot', unit: 'degC', value: 68 }]);
  const kinds = { inspection: '/v1/inspections', file: `/v1/inspections/${ID}/artifacts`, values: `/v1/inspections/${ID}/measurements` };
  const good = { [kinds.inspection]: `{"id":"${ID}"}`, [kinds.file]: '{"id":"of-the-file"}', [kinds.values]: '{"data":[]}' };
  const taken: Record<string, string> = {};
  for (const [at, path] of Object.values(kinds).entries()) {
    for (const foreign of ['<html>', '{}', 'null', '']) {
      it.answer = (asked) => taken[asked] ?? foreign;
      it.asked = [];
      await until(() => it.asked.includes(path), `${path} is not asked for`);
      await pause(50);
      assert.deepEqual([station.status().queued, station.status().dead], [3 - at, 0], `${path}: ${foreign}`);
    }
    taken[path] = good[path] as string;
    it.answer = (asked) => taken[asked] ?? '{}';
    await until(() => station.status().queued === 2 - at, `${path} is not taken`);
  }
  assert.deepEqual([station.status().sent, station.inspectionId(ref)], [3, ID]);
  await station.close();
});

test('a batch whose answer tells of none of its lines is sent again, and not at once', async (t) => {
  const it = await stub(t);
  it.answer = () => '{}';
  const station = await it.open();
  await Promise.all(Array.from({ length: 20 }, () => station.post(BODY)));
  await pause(700);
  assert.ok(it.asked.length < 10, `${it.asked.length} tries`);
  assert.deepEqual([station.status().queued, station.status().sent], [20, 0]);
  await station.close();
});

test('a folder that cannot be opened is let go', async (t) => {
  const it = await stub(t);
  const dead = join(it.folder, 'dead.ndjson');
  await mkdir(dead);
  await assert.rejects(it.open(), /EISDIR/);
  await rm(dead, { recursive: true });
  await (await it.open()).close();
});
