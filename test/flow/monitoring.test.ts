import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import type { Defect } from '../../src/contracts/defects.ts';
import type { ConfusionReport, DriftReport, QualityGroup, QualityReport } from '../../src/contracts/monitoring.ts';
import { drawBoard, type Patch } from '../support/boards.ts';
import { openFloor, until, type Who } from '../support/floor.ts';

const floor = await openFloor({ after }, { review: { auditShare: 1, auditSeed: '1', severityFrom: 'critical', disagreements: 0 } });
const MODEL = 'pcb-pair-synth';
const LOT = 'LOT-2025-001';
const cell = (x: number, y: number): Patch => ({ x, y, width: 8, height: 8 });
const good = await drawBoard();
await floor.assign(LOT, { template: good });

/** A board with so many opens (copper lost) and shorts (copper gained), judged by the tiny model. */
async function judged(opens: number, shorts: number, who: Who): Promise<{ id: string; defects: Defect[] }> {
  const lost = Array.from({ length: opens }, (_, at) => cell(0, at * 40));
  const gained = Array.from({ length: shorts }, (_, at) => cell(16, 16 + at * 40));
  const id = await floor.create('visual', { lot_id: LOT }, who);
  await floor.upload(who, id, 'image', await drawBoard({}, { lost, gained }));
  await floor.settled(id);
  return { id, defects: (await floor.call('admin', 'GET', `/v1/inspections/${id}/defects`)).body.data as unknown as Defect[] };
}
const review = (defect: Defect, body: object) => floor.call('engineer', 'POST', `/v1/defects/${defect.id}/review`, body);
const quality = async (query: string) =>
  (await floor.call('engineer', 'GET', `/v1/models/${MODEL}/quality?${query}`)).body as unknown as QualityReport;
const counts = ({
  group,
  boards,
  calls,
  calls_reviewed,
  confirmed,
  reclassified,
  false_calls,
  audited,
  escapes,
  missed_defects,
}: QualityGroup) => ({
  ...{ group, boards, calls, calls_reviewed, confirmed, reclassified, false_calls, audited, escapes, missed_defects },
});

/** What people say, by station: the truth that every figure is held to. */
const seeded = {
  station: { confirmed: 0, reclassified: 0, rejected: 0, open: 0 },
  neighbour: { confirmed: 0, reclassified: 0, rejected: 0, open: 0 },
};
const audits = { agrees: 0, escapes: 0, cannot_tell: 0 };

test('verdicts of people are spread over two stations', async () => {
  const told = ['confirm', 'reject', 'reclassify', 'confirm', 'reject', 'leave'] as const;
  let turn = 0;
  for (const who of ['station', 'neighbour'] as const)
    for (let board = 0; board < (who === 'station' ? 4 : 3); board += 1) {
      const { defects } = await judged(1 + (board % 2), board % 2, who);
      for (const defect of defects) {
        const decision = told[turn++ % told.length] as (typeof told)[number];
        if (decision === 'leave') seeded[who].open += 1;
        else {
          const body = decision === 'reclassify' ? { decision, class: 'mousebite' } : { decision };
          assert.equal((await review(defect, body)).status, 200);
          seeded[who][decision === 'confirm' ? 'confirmed' : decision === 'reject' ? 'rejected' : 'reclassified'] += 1;
        }
      }
    }
  for (const outcome of ['agrees', 'agrees', 'disagrees', 'cannot_tell', 'leave'] as const) {
    const { id } = await judged(0, 0, 'station');
    if (outcome === 'leave') continue;
    const missed = outcome === 'disagrees' ? { missed: [{ class: 'short', box: { x: 1, y: 1, width: 9, height: 9 } }] } : {};
    assert.equal((await floor.call('engineer', 'POST', `/v1/inspections/${id}/review`, { outcome, ...missed })).status, 200);
    audits[outcome === 'disagrees' ? 'escapes' : outcome] += 1;
  }
  await floor.quiet();
});

test('a board that was cancelled while a run was at it is no board of the model', async () => {
  const boards = async () => (await quality('by=station')).total.boards;
  const before = await boards();
  await floor.rows(`update inference.model_version set stage = 'shadow'`);
  const id = await floor.create('visual', { lot_id: LOT });
  await floor.upload('station', id, 'image', await drawBoard({}, { lost: [cell(0, 0)] }));
  await until('the run', async () => (await floor.inspection(id)).status === 'in_progress');
  assert.equal((await floor.call('operator', 'POST', `/v1/inspections/${id}/cancel`, { reason: 'wrong board' })).status, 200);
  await floor.rows(`update inference.model_version set stage = 'production'`);
  await until('its end', async () => (await floor.events('inference.completed', id))[0]);
  await floor.quiet();
  assert.equal(await boards(), before);
});

test('the counts of the model equal what people said, by station, version, site and in all', async () => {
  const { station, neighbour } = seeded;
  const sum = (name: keyof typeof station) => station[name] + neighbour[name];
  const calls = sum('confirmed') + sum('reclassified') + sum('rejected') + sum('open');
  const total = {
    boards: 12,
    calls,
    calls_reviewed: calls - sum('open'),
    confirmed: sum('confirmed'),
    reclassified: sum('reclassified'),
    false_calls: sum('rejected'),
    audited: 3,
    escapes: 1,
    missed_defects: 1,
  };
  assert.ok(total.false_calls >= 2 && total.confirmed >= 2 && total.reclassified >= 1);
  const byStation = await quality('by=station');
  assert.deepEqual(counts(byStation.total), { group: null, ...total });
  assert.deepEqual([byStation.total.audits_waiting, byStation.total.audits_cannot_tell], [1, 1]);
  const of = (name: 'station' | 'neighbour') => ({
    calls: seeded[name].confirmed + seeded[name].reclassified + seeded[name].rejected + seeded[name].open,
    confirmed: seeded[name].confirmed,
    reclassified: seeded[name].reclassified,
    false_calls: seeded[name].rejected,
  });
  assert.deepEqual(
    byStation.groups.map(({ group, boards, calls: n, confirmed, reclassified, false_calls, audited }) => ({
      ...{ group, boards, calls: n, confirmed, reclassified, false_calls, audited },
    })),
    [
      { group: 'AOI-HH-1', boards: 9, ...of('station'), audited: 3 },
      { group: 'AOI-HH-2', boards: 3, ...of('neighbour'), audited: 0 },
    ],
  );
  for (const [by, group] of [
    ['version', '1'],
    ['site', 'hamburg'],
    ['recipe', null],
  ] as const)
    assert.deepEqual((await quality(`by=${by}`)).groups.map(counts), [{ group, ...total }], by);
});

test('rates carry their interval and their denominator; a class has its own calls and misses over all boards and audits', async () => {
  const { groups, total, denominators } = await quality('by=class');
  assert.deepEqual(
    groups.map(({ group }) => group),
    ['open', 'short', 'mousebite', 'spur', 'spurious_copper', 'pin_hole'],
  );
  const byName = Object.fromEntries(groups.map((group) => [group.group, group]));
  assert.equal(
    groups.reduce((sum, { calls }) => sum + calls, 0),
    total.calls,
  );
  assert.equal(
    groups.reduce((sum, { false_calls }) => sum + false_calls, 0),
    total.false_calls,
  );
  assert.deepEqual([byName.short?.escapes, byName.open?.escapes, byName.open?.audited], [1, 0, 3]);
  const rate = byName.open?.escape_rate;
  assert.deepEqual([rate?.count, rate?.n, rate?.value, rate?.low], [0, 3, 0, 0]);
  assert.ok(Math.abs((rate?.high ?? 0) - 0.5615) < 1e-4, 'none of three says: below 56 %');
  assert.deepEqual(byName.spur?.false_call_rate, { count: 0, n: 0, value: null, low: null, high: null });
  assert.match(denominators.escape_rate, /over audited passes/);
});

test('the table of what was said against what is there holds the same verdicts, with missed and nothing there', async () => {
  const { body } = await floor.call('auditor', 'GET', `/v1/models/${MODEL}/confusion`);
  const { truth, said, counts: table } = body as unknown as ConfusionReport;
  const at = (row: string, column: string) => table[truth.indexOf(row)]?.[said.indexOf(column)];
  const sum = (row: string) => table[truth.indexOf(row)]?.reduce((all, each) => all + each, 0);
  const { station, neighbour } = seeded;
  assert.equal(sum('nothing_there'), station.rejected + neighbour.rejected);
  assert.equal(sum('mousebite'), station.reclassified + neighbour.reclassified);
  assert.equal((at('open', 'open') ?? 0) + (at('short', 'short') ?? 0), station.confirmed + neighbour.confirmed);
  assert.deepEqual([at('short', 'missed'), at('open', 'missed'), at('nothing_there', 'missed')], [1, 0, 0]);
});

test('reviews are counted by station for the alarm on false calls, each call once, whoever says it again', async () => {
  const [again] = await floor.rows<{ id: string }>(
    `select id from disposition.defect where state = 'rejected' and source = 'model' limit 1`,
  );
  assert.equal(
    (await floor.call('manager', 'POST', `/v1/defects/${again?.id}/review`, { decision: 'reject', reason: 'still' })).status,
    200,
  );
  await floor.quiet();
  const { stations } = (await floor.call('engineer', 'GET', `/v1/models/${MODEL}/drift`)).body as unknown as DriftReport;
  const of = ({ confirmed, reclassified, rejected }: typeof seeded.station) => [confirmed + reclassified + rejected, rejected];
  assert.deepEqual(
    stations.map(({ station_id, false_calls, boards }) => [
      station_id,
      boards,
      false_calls.reviewed,
      false_calls.rejected,
      false_calls.state,
    ]),
    [
      ['AOI-HH-1', 9, ...of(seeded.station), 'learning'],
      ['AOI-HH-2', 3, ...of(seeded.neighbour), 'learning'],
    ],
  );
});

test('a span of time leaves out what lies outside; another site sees nothing; an unknown model is not found', async () => {
  const from = new Date(Date.now() + 3_600_000).toISOString();
  assert.equal((await quality(`by=site&from=${from}`)).total.boards, 0);
  const foreign = (await floor.call('foreigner', 'GET', `/v1/models/${MODEL}/quality`)).body as unknown as QualityReport;
  assert.deepEqual([foreign.total.boards, foreign.total.false_call_rate.n], [0, 0]);
  for (const what of ['quality', 'confusion', 'drift'])
    assert.equal((await floor.call('engineer', 'GET', `/v1/models/nothing/${what}`)).status, 404);
  assert.equal((await floor.call('operator', 'GET', `/v1/models/${MODEL}/quality`)).status, 403);
  assert.equal((await floor.call('engineer', 'GET', `/v1/models/${MODEL}/quality?by=moon`)).status, 422);
});

test('what people decided is a data set: fingerprint first, provenance in each line, audits never to be trained on', async () => {
  const { body, headers } = await floor.call('engineer', 'GET', '/v1/review-dataset?format=ndjson');
  const text = String(body.text);
  const cut = text.indexOf('\n') + 1;
  const manifest = JSON.parse(text.slice(0, cut)) as Record<string, unknown>;
  const lines = text
    .slice(cut)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(manifest.fingerprint, `sha256:${createHash('sha256').update(text.slice(cut)).digest('hex')}`);
  assert.match(String(headers['content-type']), /ndjson/);
  assert.deepEqual([manifest.inspections, manifest.audits, manifest.complete], [lines.length, 3, true]);
  const boxes = lines.flatMap((line) => line.boxes);
  const decided = (name: string) => boxes.filter(({ decision }) => decision === name).length;
  const { station, neighbour } = seeded;
  assert.deepEqual(
    [decided('confirmed'), decided('rejected'), decided('reclassified'), decided('missed')],
    [station.confirmed + neighbour.confirmed, station.rejected + neighbour.rejected, station.reclassified + neighbour.reclassified, 1],
  );
  const audited = lines.filter(({ split }) => split === 'audit');
  assert.deepEqual(
    audited.map(({ looked }) => looked),
    ['picture', 'picture', 'picture'],
  );
  for (const { provenance, image, reference } of lines) {
    assert.deepEqual([provenance.model, provenance.version, provenance.lot_id], [MODEL, 1, LOT]);
    assert.match(provenance.model_sha256, /^[0-9a-f]{64}$/);
    assert.match(image.sha256, /^[0-9a-f]{64}$/);
    assert.match(reference.sha256, /^[0-9a-f]{64}$/);
    assert.equal((await floor.call('engineer', 'GET', image.link)).status, 200);
  }
  for (const { reviewer, reviewed_at } of boxes)
    assert.ok(/^quality_(engineer|manager)@hamburg$/.test(reviewer) && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(reviewed_at));
  for (const { audit } of audited) assert.match(audit.reviewed_at, /\.\d{3}Z$/, 'in UTC, whatever the time zone of the database');
  const again = String((await floor.call('engineer', 'GET', '/v1/review-dataset')).body.text);
  assert.equal(again, text, 'the same decisions are the same bytes');
  const foreign = String((await floor.call('foreigner', 'GET', '/v1/review-dataset')).body.text);
  assert.equal(foreign.trimEnd().split('\n').length, 1);
});

test('looks that wait and open alarms are told as metrics', async () => {
  const text = await until('metrics', async () => {
    const now = (await floor.metrics.render()).text;
    return /review_looks_waiting\{kind="audit"\} 1\n/.test(now) && now;
  });
  assert.match(text, /drift_alarms_open\{station_id="other"\} 0\n/);
});
