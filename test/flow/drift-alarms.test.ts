import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { DriftAlarm, DriftReport } from '../../src/contracts/monitoring.ts';
import { PLAN } from '../proof/drift/replay.ts';
import { readRows } from '../proof/drift/rows.ts';
import { playBoards, stationName } from '../proof/drift/slice.ts';
import { openFloor } from '../support/floor.ts';

const floor = await openFloor({ after }, { baselineBoards: 100 });
const MODEL = 'pcb-pair-synth';
const { drifts } = PLAN;
assert.ok(drifts);
const STATION = stationName(drifts.station);
/** The boards of the drifting station alone, from before and after. */
const rows = readRows(fileURLToPath(new URL('../proof/drift/pictures-20251125.csv', import.meta.url)), PLAN).filter(
  ({ station }) => station === drifts.station,
);
const middle = rows.findIndex(({ index }) => index >= drifts.from);
const alarms = async (query = '') =>
  (await floor.call('engineer', 'GET', `/v1/drift-alarms?${query}`)).body.data as unknown as DriftAlarm[];
const report = async () => (await floor.call('auditor', 'GET', `/v1/models/${MODEL}/drift`)).body as unknown as DriftReport;

test('a station learns, is well, drifts: the report says so with figures, and the alarm names it', async () => {
  await playBoards(floor, rows.slice(middle - 160, middle - 100), 100);
  const learning = (await report()).stations[0];
  assert.deepEqual([learning?.station_id, learning?.state, learning?.baseline.n, learning?.baseline_size], [STATION, 'learning', 60, 100]);
  await playBoards(floor, rows.slice(middle - 100, middle), 100);
  assert.deepEqual([(await report()).stations[0]?.state, await alarms()], ['ok', []]);
  await playBoards(floor, rows.slice(middle, middle + 60), 100);
  const [station] = (await report()).stations;
  assert.equal(station?.state, 'alarm');
  const down = station?.features.find(({ feature }) => feature === 'stretch_down');
  assert.equal(down?.state, 'alarm');
  assert.ok(Math.max(down?.cusum_up ?? 0, down?.cusum_down ?? 0) > (down?.cusum_limit ?? Number.POSITIVE_INFINITY));
  assert.equal(
    down?.baseline.reduce((sum, each) => sum + each, 0),
    100,
  );
  assert.equal(station?.features.find(({ feature }) => feature === 'copper_fraction')?.state, 'ok');
  const open = await alarms('state=open');
  assert.ok(open.length > 0 && open.every(({ station_id, state }) => station_id === STATION && state === 'open'));
  assert.deepEqual(station?.open_alarms.toSorted(), open.map(({ id }) => id).toSorted());
  const text = (await floor.metrics.render()).text;
  assert.match(text, new RegExp(`drift_alarms_open\\{station_id="other"\\} ${open.length}\n`), 'a station that nobody knows is no label');
});

test('acknowledged with words: the alarm is settled, and the station goes on against its old baseline, or learns anew', async () => {
  const [first, ...others] = await alarms('state=open');
  const say = (who: 'engineer' | 'operator' | 'foreigner', id: string | undefined, body: object, headers = {}) =>
    floor.call(who, 'POST', `/v1/drift-alarms/${id}/acknowledge`, body, headers);
  assert.equal((await say('operator', first?.id, { note: 'seen' })).status, 403);
  assert.equal((await say('foreigner', first?.id, { note: 'seen' })).status, 404);
  assert.equal((await say('engineer', first?.id, {})).status, 422);
  assert.equal((await say('engineer', first?.id, { note: 'seen' }, { 'if-match': '"9"' })).status, 412);
  const { status, body, headers } = await say('engineer', first?.id, { note: 'belt tightened' });
  assert.deepEqual([status, body.state, body.note, body.relearn, headers.etag], [200, 'acknowledged', 'belt tightened', false, '"2"']);
  assert.equal((await say('engineer', first?.id, { note: 'again' })).status, 409);
  assert.equal((await report()).stations[0]?.baseline.n, 100, 'the old baseline holds');
  for (const { id } of others) assert.equal((await say('engineer', id, { note: 'belt tightened' })).status, 200);
  assert.equal((await report()).stations[0]?.state, 'ok');
  await playBoards(floor, rows.slice(middle + 60, middle + 120), 100);
  const [again] = await alarms('state=open');
  assert.ok(again, 'the belt is loose still: a new alarm');
  assert.equal((await say('engineer', again.id, { note: 'the new camera looks like this', relearn: true })).status, 200);
  assert.deepEqual([(await report()).stations[0]?.baseline.n, (await report()).stations[0]?.boards], [0, 0]);
  const listed = await alarms('limit=100');
  assert.deepEqual(
    listed.map(({ state }) => state === 'open'),
    listed.map(({ state }) => state === 'open').toSorted((one, other) => Number(other) - Number(one)),
    'open ones first',
  );
  const audit = (
    await floor.rows<{ n: number }>(`select count(*)::int as n from platform.audit where action = 'drift.alarm_acknowledged'`)
  )[0];
  assert.equal(audit?.n, listed.filter(({ state }) => state === 'acknowledged').length);
});
