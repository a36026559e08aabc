import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Defect } from '../../src/contracts/defects.ts';
import type { ConfusionReport, DriftAlarm, DriftReport, QualityReport } from '../../src/contracts/monitoring.ts';
import { drawBoard } from '../support/boards.ts';
import { openFloor } from '../support/floor.ts';

const floor = await openFloor({ after }, { review: { auditShare: 1, auditSeed: '1', severityFrom: 'off', disagreements: 0 } });
const MODEL = 'pcb-pair-synth';
const LOT = 'LOT-2025-001';
const good = await drawBoard();
const bad = await drawBoard({}, { lost: [{ x: 0, y: 16, width: 8, height: 8 }] });
const unsure = await drawBoard({}, { lost: [{ x: 0, y: 16, width: 7, height: 4 }] });
await floor.assign(LOT, { template: good });

async function judged(picture: Buffer): Promise<string> {
  const id = await floor.create('visual', { lot_id: LOT });
  await floor.upload('station', id, 'image', picture);
  await floor.settled(id);
  return id;
}
const read = async <T>(what: string) => (await floor.call('engineer', 'GET', `/v1/models/${MODEL}/${what}`)).body as T;
const drift = async () => (await read<DriftReport>('drift')).stations;
const defectsOf = async (id: string) =>
  (await floor.call('engineer', 'GET', `/v1/inspections/${id}/defects`)).body.data as unknown as Defect[];
const review = (defect: Defect | undefined, decision: string) =>
  floor.call('engineer', 'POST', `/v1/defects/${defect?.id}/review`, { decision });

test('a board that is run again is one board: of the quality, of the table and of its station', async () => {
  const id = await judged(unsure);
  const [first] = await defectsOf(id);
  assert.equal((await floor.upload('station', id, 'image', bad)).status, 201);
  assert.equal((await floor.call('engineer', 'POST', `/v1/inspections/${id}/infer`, {})).status, 202);
  await floor.quiet();
  assert.equal((await floor.inspection(id)).verdict, 'fail');
  await review(
    (await defectsOf(id)).find((one) => one.id !== first?.id),
    'confirm',
  );
  await floor.quiet();
  assert.equal((await floor.rows('select from monitoring.board')).length, 2, 'both runs are kept');
  const { total, groups } = await read<QualityReport>('quality?by=station');
  assert.deepEqual([total.boards, total.calls, total.confirmed, groups[0]?.boards], [1, 1, 1, 1]);
  assert.equal((await read<QualityReport>('quality?by=class')).total.calls, 1);
  const { counts } = await read<ConfusionReport>('confusion');
  assert.equal(
    counts.flat().reduce((sum, each) => sum + each, 0),
    1,
  );
  assert.deepEqual(
    (await drift()).map(({ boards }) => boards),
    [1],
  );
});

test('the words beside the escape rate say whether one share of the passes was drawn in the span', async () => {
  const words = async () => (await read<QualityReport>('quality')).denominators.escape_rate;
  assert.match(await words(), /No audit was drawn in this span$/);
  const [one] = [await judged(good), await judged(good)];
  await floor.quiet();
  assert.match(await words(), /One share was drawn in this span: 100 %$/);
  await floor.rows('update disposition.look set share = 0.02 where inspection_id = $1', [one]);
  assert.match(await words(), /The share was changed within this span \(2 %, 100 %\): .*ask for the time of each share by itself$/);
});

test('the alarm on false calls names the share since they began to rise, not that of the whole life', async () => {
  const ids = [await judged(bad), await judged(bad)];
  await floor.quiet();
  await floor.rows(
    `update monitoring.station_watch set state = jsonb_set(state, '{falseCalls}',
       '{"reviewed": 5149, "rejected": 531, "rate": 0.174, "sum": 6.9, "since": {"n": 49, "bad": 21}}')`,
  );
  for (const id of ids) await review((await defectsOf(id))[0], 'reject');
  await floor.quiet();
  const { body } = await floor.call('engineer', 'GET', '/v1/drift-alarms');
  const [alarm] = body.data as unknown as [DriftAlarm];
  assert.deepEqual([alarm.detector, alarm.baseline_mean, alarm.current_mean], ['false_calls', 0.174, 22 / 50]);
  assert.equal(alarm.why, 'false calls: 0.44 of the calls reviewed lately, at most 0.174 before');
  assert.equal((await floor.call('engineer', 'POST', `/v1/drift-alarms/${alarm.id}/acknowledge`, { note: 'light mended' })).status, 200);
  const [watch] = await floor.rows<{ calls: object }>(`select state -> 'falseCalls' as calls from monitoring.station_watch`);
  assert.deepEqual(watch?.calls, { reviewed: 5151, rejected: 533, rate: 0.174, sum: 0, since: { n: 0, bad: 0 } });
});

test('the report shows what is in use: a version that was silent for 30 days is left out unless an alarm of it is open', async () => {
  const shown = async () => (await drift()).map(({ station_id, version }) => `${station_id} ${version}`);
  await floor.rows(
    `insert into monitoring.station_watch (site, station_id, model, version, state, updated_at)
     select site, station_id, model, version + n, state, now() - n * interval '16 days' from monitoring.station_watch, generate_series(1, 3) n`,
  );
  assert.deepEqual(await shown(), ['AOI-HH-1 2', 'AOI-HH-1 1']);
  await floor.rows(
    `insert into monitoring.drift_alarm (id, site, station_id, model, version, detector, value, "limit", boards, why)
     select gen_random_uuid(), site, station_id, model, 4, 'psi', 1, 1, 1, 'x' from monitoring.station_watch where version = 1`,
  );
  assert.deepEqual(await shown(), ['AOI-HH-1 4', 'AOI-HH-1 2', 'AOI-HH-1 1']);
  // More than a report holds, all by another name that comes first: those heard of last are shown, in the order of their names.
  await floor.rows(
    `insert into monitoring.station_watch (site, station_id, model, version, state, updated_at)
     select site, 'AAA-' || n, model, 1, state, now() - interval '1 day' from monitoring.station_watch, generate_series(1, 600) n where version = 1`,
  );
  const many = await shown();
  assert.equal(many.length, 500);
  assert.deepEqual(many.slice(-2), ['AOI-HH-1 4', 'AOI-HH-1 1']);
});
