import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { encodePng } from '../../src/simulator/boards/png.ts';
import { FolderTaken, openStation, QueueFull, type Station, type StationOptions } from '../../src/station-client/index.ts';
import { type Plant, plant } from './intake.app.ts';

type Context = { after(fn: () => Promise<void>): void };

const site: Plant = await plant({ after });
const url = await site.listen();
const { db } = site;

/** Removed when every station is closed: hooks of a test run in the order in which they were made. */
const folders: string[] = [];
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});
async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'cqp-station-'));
  folders.push(made);
  return made;
}
async function open(t: Context, token: string, stationId: string, more: Partial<StationOptions> & { folder: string }): Promise<Station> {
  const station = await openStation({ url, credentials: { token: async () => token }, stationId, ...more });
  t.after(() => station.close());
  return station;
}
async function sent(station: Station, within = 15_000): Promise<void> {
  for (const end = Date.now() + within; station.status().queued > 0; await pause(20))
    assert.ok(Date.now() < end, `not sent: ${JSON.stringify(station.status())}`);
}
const body = (chip_id: string, more: Record<string, unknown> = {}) => ({
  lot_id: 'LOT-2026-001',
  chip_id,
  inspection_type: 'electrical' as const,
  ...more,
});
const stored = async (chip: string) =>
  (
    await db.pool.query(
      'select id, station_sequence, inspected_at, created_at from intake.inspection where chip_id like $1 order by station_sequence',
      [chip],
    )
  ).rows;

test('what is queued arrives once, in order, with its number, its time, its files and its values', async (t) => {
  const queue = await folder();
  const station = await open(t, 'aoi', 'AOI-HH-1', { folder: queue });
  const looked = new Date(Date.now() - 3_600_000).toISOString();
  const first = await station.post({ ...body('SC-A-1'), inspection_type: 'visual', inspected_at: looked });
  await station.attach(first.ref, encodePng({ width: 8, height: 8, bits: new Uint8Array(64) }), 'image', 'image/png');
  await station.measure(first.ref, [{ characteristic: 'net_resistance', unit: 'ohm', value: 1.01 }]);
  const posts = await Promise.all(Array.from({ length: 40 }, (_, at) => station.post(body(`SC-A-${at + 2}`))));
  await sent(station);
  const rows = await stored('SC-A-%');
  assert.deepEqual(
    rows.map(({ station_sequence }) => station_sequence),
    Array.from({ length: 41 }, (_, at) => at + 1),
  );
  assert.equal(rows[0].inspected_at.toISOString(), looked);
  assert.equal(station.inspectionId(first.ref), rows[0].id);
  assert.equal(
    station.inspectionId(posts[39]?.ref ?? ''),
    rows.find(({ station_sequence }) => station_sequence === posts[39]?.station_sequence).id,
  );
  assert.equal((await db.pool.query('select 1 from intake.artifact where inspection_id = $1', [rows[0].id])).rowCount, 1);
  assert.equal((await db.pool.query('select 1 from intake.measurement where inspection_id = $1', [rows[0].id])).rowCount, 1);
  const commits = await db.pool.query("select count(distinct xmin::text) as n from intake.inspection where chip_id like 'SC-A-%'");
  assert.ok(Number(commits.rows[0].n) < 20, 'a backlog goes as a batch');
  assert.deepEqual(await station.gaps(), { epoch: station.status().epoch, highest: 41, queued: 0, missing: [], late: 1 });
});

test('a cut off station goes on, and its late data keeps its event time; a new folder is a new count', async (t) => {
  const queue = await folder();
  const away = await open(t, 'aoi2', 'AOI-HH-2', { folder: queue, url: 'http://127.0.0.1:9', epoch: 100 });
  const looked: string[] = [];
  for (let at = 1; at <= 30; at += 1) {
    const inspected_at = new Date(Date.now() - (40 - at) * 86_400_000).toISOString();
    looked.push(inspected_at);
    await away.post(body(`SC-B-${at}`, { inspected_at }));
  }
  await pause(300);
  const status = away.status();
  assert.deepEqual([status.queued, status.sent, status.lastSequence, status.lastError?.status], [30, 0, 30, null]);
  assert.ok(status.oldestAgeMs > 200);
  await assert.rejects(openStation({ url, credentials: { token: async () => 'aoi2' }, stationId: 'AOI-HH-2', folder: queue }), FolderTaken);
  await away.close();
  await assert.rejects(away.post(body('SC-B-X')), /closed/);

  const back = await open(t, 'aoi2', 'AOI-HH-2', { folder: queue });
  assert.equal(back.status().queued, 30);
  await sent(back);
  assert.deepEqual(
    (await stored('SC-B-%')).map(({ inspected_at }) => inspected_at.toISOString()),
    looked,
  );
  assert.equal((await back.post(body('SC-B-31'))).station_sequence, 31);
  await sent(back);
  assert.deepEqual(await back.gaps(), { epoch: 100, highest: 31, queued: 0, missing: [], late: 30 });
  await back.close();

  const anew = await open(t, 'aoi2', 'AOI-HH-2', { folder: await folder() });
  assert.equal((await anew.post(body('SC-B-40'))).station_sequence, 1);
  await sent(anew);
  assert.ok((await anew.gaps()).epoch > 100);
});

test('a source of tokens that never answers holds up neither the queue nor the end', async () => {
  const station = await openStation({
    url,
    credentials: { token: () => new Promise(() => {}) },
    stationId: 'AOI-HH-1',
    folder: await folder(),
  });
  await station.post(body('SC-T-1'));
  await pause(100);
  const began = performance.now();
  await station.close();
  assert.ok(performance.now() - began < 10_000);
});

test('what a fast clock has stamped waits until its time is taken, holds up nothing else, and is not given up', async (t) => {
  const queue = await folder();
  // Of its own: the second in which it begins may be that of the first test, whose numbers are used.
  const station = await open(t, 'aoi', 'AOI-HH-1', { folder: queue, epoch: 7 });
  const ahead = (millis: number) => ({ inspected_at: new Date(Date.now() + millis).toISOString() });
  const early = await station.post(body('SC-F-1', ahead(315_000)));
  await station.measure(early.ref, [{ characteristic: 'net_resistance', unit: 'ohm', value: 1.01 }]);
  await Promise.all(Array.from({ length: 20 }, (_, at) => station.post(body(`SC-F-${at + 2}`, at === 12 ? ahead(315_000) : {}))));
  await station.post(body('SC-F-22', ahead(8 * 86_400_000)));
  const isSettled = async () => {
    const { early: waits, dead: lost } = station.status();
    return waits === 2 && lost === 1 && (await stored('SC-F-%')).length === 19;
  };
  for (const end = Date.now() + 20_000; !(await isSettled()) && Date.now() < end; ) await pause(20);
  assert.equal((await stored('SC-F-%')).length, 19);
  const { queued, early: waiting, dead, lastError } = station.status();
  assert.deepEqual([queued, waiting, dead, lastError?.status], [3, 2, 1, 422], 'more than a week is waited for nobody');
  await sent(station, 90_000);
  const rows = await stored('SC-F-%');
  assert.deepEqual([rows.length, rows[0].station_sequence, station.status().dead], [21, 1, 1]);
  assert.equal((await db.pool.query('select 1 from intake.measurement where inspection_id = $1', [rows[0].id])).rowCount, 1);
});

test('what waits of an earlier count hides no gap of this one', async (t) => {
  const queue = await folder();
  const named = { url, stationId: 'THM-HH-1', folder: queue };
  const away = await openStation({ ...named, credentials: { token: () => new Promise(() => {}) }, epoch: 300 });
  await away.post(body('SC-G-1', { inspected_at: new Date(Date.now() + 420_000).toISOString() }));
  for (const chip of ['SC-G-2', 'SC-G-3']) await away.post(body(chip));
  await away.close();
  // Lost by the disk: another count begins.
  const path = join(queue, '0000000001.seg');
  const bytes = await readFile(path);
  bytes[bytes.indexOf('SC-G-2')] = 0;
  await writeFile(path, bytes);

  const station = await open(t, 'thm', 'THM-HH-1', { folder: queue });
  const refused = await station.post(body('SC-G-4', { lot_id: 'nonsense' }));
  assert.equal(refused.station_sequence, 1);
  for (const end = Date.now() + 15_000; Date.now() < end; await pause(20)) if (station.status().dead === 1) break;
  const { early, dead, epoch } = station.status();
  assert.deepEqual([early, dead, epoch > 300], [1, 1, true]);
  assert.deepEqual(await station.gaps(), { epoch, highest: 0, queued: 0, missing: [{ from: 1, to: 1 }], late: 0 });
});

test('what can never succeed goes to the dead letters with the platform’s words, with what hangs on it, and blocks nothing', async (t) => {
  const queue = await folder();
  const station = await open(t, 'thm', 'THM-HH-1', { folder: queue, epoch: 5 });
  const bad = await station.post({ ...body('SC-C-1'), inspection_type: 'thermal' });
  await station.measure(bad.ref, [{ characteristic: 'hot_spot', unit: 'degC', value: 70 }]);
  for (let at = 2; at <= 20; at += 1) await station.post(body(`SC-C-${at}`, at === 9 ? { lot_id: 'nonsense' } : {}));
  const good = await station.post(body('SC-C-21'));
  await sent(station);
  await assert.rejects(station.measure(bad.ref, []), RangeError);
  await station.attach(good.ref, Buffer.from('not a picture at all'), 'image', 'image/png');
  await sent(station);
  assert.equal((await stored('SC-C-%')).length, 19);
  const letters = (await readFile(join(queue, 'dead.ndjson'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    letters.map(({ status, entry }) => [status, entry.t, entry.body?.chip_id]),
    [
      [422, 'post', 'SC-C-1'],
      [0, 'measure', undefined],
      [422, 'post', 'SC-C-9'],
      [415, 'file', undefined],
    ].sort(
      (one, other) =>
        letters.findIndex(({ entry }) => entry.t === one[1] && entry.body?.chip_id === one[2]) -
        letters.findIndex(({ entry }) => entry.t === other[1] && entry.body?.chip_id === other[2]),
    ),
  );
  assert.match(JSON.stringify(letters.find(({ status }) => status === 422).problem), /thermal_priority/);
  assert.equal(Buffer.from(letters.find(({ status }) => status === 415).bytes, 'base64').toString(), 'not a picture at all');
  assert.equal(station.status().dead, 4);
  assert.deepEqual(
    (await station.gaps()).missing,
    [
      { from: 1, to: 1 },
      { from: 9, to: 9 },
    ],
    'the numbers of what was refused are told as missing',
  );
});

test('an inspection that arrived and whose key was forgotten is known by its number', async (t) => {
  const queue = await folder();
  const station = await open(t, 'penang', 'AOI-PG-1', { folder: queue, url: 'http://127.0.0.1:9', epoch: 7 });
  const one = await station.post(body('SC-D-1', { inspected_at: new Date().toISOString() }));
  const two = await station.post(body('SC-D-2'));
  await station.close();
  // As the platform had it from a try long ago: with a key that is no more. The second number went to something else.
  for (const [chip, station_sequence] of [
    ['SC-D-1', 1],
    ['SC-D-OTHER', 2],
  ] as const) {
    const answer = await site.app.inject({
      method: 'POST',
      url: '/v1/inspections',
      headers: { authorization: 'Bearer penang' },
      payload: body(chip, { station_epoch: 7, station_sequence }),
    });
    assert.equal(answer.statusCode, 201, answer.body);
  }
  const back = await open(t, 'penang', 'AOI-PG-1', { folder: queue });
  await sent(back);
  const rows = await stored('SC-D-%');
  assert.equal(rows.length, 2);
  assert.deepEqual([back.inspectionId(one.ref), back.inspectionId(two.ref), back.status().dead], [rows[0].id, undefined, 1]);
});

test('a full queue says so and takes no number; what is sent makes room', async (t) => {
  const queue = await folder();
  const station = await open(t, 'aoi', 'AOI-HH-1', { folder: queue, url: 'http://127.0.0.1:9', epoch: 2_000_000_000, maxEntries: 10 });
  for (let at = 1; at <= 10; at += 1) await station.post(body(`SC-E-${at}`));
  await assert.rejects(station.post(body('SC-E-11')), QueueFull);
  assert.equal(station.status().lastSequence, 10);
  await station.close();
  const small = await open(t, 'aoi', 'AOI-HH-1', { folder: queue, maxBytes: 32 * 1024 * 1024 });
  await sent(small);
  const { ref } = await small.post(body('SC-E-11'));
  const file = new Uint8Array(15 * 1024 * 1024);
  await small.attach(ref, file, 'document', 'text/plain');
  await small.attach(ref, file, 'document', 'text/plain');
  await assert.rejects(small.attach(ref, file, 'document', 'text/plain'), QueueFull);
  await assert.rejects(small.attach(ref, new Uint8Array(65 * 1024 * 1024), 'document', 'text/plain'), RangeError);
  // A connection whose upload was broken off counts as busy: it would hold the closing platform for as long as it may be kept alive.
  t.after(async () => site.app.server.closeAllConnections());
});
