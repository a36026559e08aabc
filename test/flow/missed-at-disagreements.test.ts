import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Defect } from '../../src/contracts/defects.ts';
import type { ConfusionReport, QualityReport } from '../../src/contracts/monitoring.ts';
import type { InspectionReviewed, ReviewItem } from '../../src/contracts/review.ts';
import { drawBoard } from '../support/boards.ts';
import { openFloor, until, type Who } from '../support/floor.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

/** Version 2 looks on and calls a short everywhere, so that every board is a disagreement; every pass is drawn for an audit as well. */
const MODEL = 'pcb-pair-synth';
const modelsDir = await mkdtemp(join(tmpdir(), 'cqp-missed-'));
after(() => rm(modelsDir, { recursive: true, force: true }));
await writeTinyModel(modelsDir);
await writeTinyModel(modelsDir, { version: 2, least: 0.9, boxReach: 4 });
const floor = await openFloor(
  { after },
  {
    modelsDir,
    judging: 1,
    review: { auditShare: 1, auditSeed: '1', severityFrom: 'off', disagreements: 20 },
    governed: { watchMs: 600_000 },
  },
);
const LOT = 'LOT-2025-001';
const SIZE = { width: 96, height: 64 };
const good = await drawBoard(SIZE);
const bad = await drawBoard(SIZE, { lost: [{ x: 0, y: 16, width: 8, height: 8 }] });
await floor.assign(LOT, { template: good });
const shadow = { stage: 'shadow', reason: 'as the test wants it' };
assert.equal((await floor.call('engineer', 'POST', `/v1/models/${MODEL}/versions/2/stage`, shadow)).status, 200);

const queue = async (kind: string) =>
  (await floor.call('engineer', 'GET', `/v1/review-queue?limit=100&kind=${kind}`)).body.data as unknown as ReviewItem[];
/** A board that stands in the queue because the versions disagree. */
async function disputed(picture = good): Promise<{ id: string; disagreement: string }> {
  const id = await floor.create('visual', { lot_id: LOT });
  await floor.upload('station', id, 'image', picture);
  await floor.settled(id);
  const item = await until('the disagreement', async () => (await queue('disagreement')).find(({ inspection }) => inspection.id === id));
  return { id, disagreement: String(item.disagreement?.id) };
}
const SPUR = { class: 'spur', box: { x: 40, y: 8, width: 12, height: 12 } };
const review = (id: string, body: object, who: Who = 'engineer', headers: Record<string, string> = {}) =>
  floor.call(who, 'POST', `/v1/inspections/${id}/review`, body, headers);
const missed = (id: string, who: Who = 'engineer', headers: Record<string, string> = {}) =>
  review(id, { at: 'disagreement', outcome: 'disagrees', missed: [SPUR] }, who, headers);
async function counted(group = 'total') {
  await floor.quiet();
  const { body } = await floor.call('engineer', 'GET', `/v1/models/${MODEL}/quality?by=class`);
  const { total, groups } = body as unknown as QualityReport;
  const of = group === 'total' ? total : groups.find((one) => one.group === group);
  const table = (await floor.call('engineer', 'GET', `/v1/models/${MODEL}/confusion`)).body as unknown as ConfusionReport;
  return {
    audited: of?.audited,
    escapes: of?.escapes,
    missed: of?.missed_defects,
    column: table.counts[table.truth.indexOf('spur')]?.[table.said.indexOf('missed')],
  };
}
const boards: { id: string; disagreement: string }[] = [];

test('a defect that nobody called is marked at the disagreement: it is one of the board, the verdict follows, and who is right is still asked', async () => {
  const board = await disputed();
  boards.push(board);
  assert.equal((await floor.inspection(board.id)).verdict, 'pass');
  const answer = await missed(board.id);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  const { look, inspection, defects } = answer.body as unknown as InspectionReviewed;
  assert.deepEqual([look.kind, look.outcome, look.missed], ['disagreement', null, 1]);
  assert.deepEqual([inspection.verdict, defects.length], ['fail', 1]);
  assert.deepEqual([defects[0]?.class, defects[0]?.source, defects[0]?.state], ['spur', 'person', 'confirmed']);
  assert.equal(defects[0]?.review_reason, 'missed, found where two versions disagree');
  assert.ok((await queue('disagreement')).some(({ inspection: one }) => one.id === board.id));
  const [entry] = await floor.rows<{ old: { kind: string }; new: { outcome: string; missed: unknown[] } }>(
    `select old, new from platform.audit_entry where action = 'inspection.reviewed' and object_id = $1`,
    [board.id],
  );
  assert.deepEqual([entry?.old.kind, entry?.new.missed.length], ['disagreement', 1]);
  const told = await floor.events('defect.reviewed', board.id);
  assert.deepEqual(
    told.map(({ payload }) => (payload as { decision: string }).decision),
    ['missed'],
  );
});

test('it counts as missed and is no escape of the rate, which the audits alone give', async () => {
  // Its own audit is still open: it says nothing yet.
  assert.deepEqual(await counted(), { audited: 0, escapes: 0, missed: 1, column: 1 });
  assert.deepEqual(await counted('spur'), { audited: 0, escapes: 0, missed: 1, column: 1 });
  const failed = await disputed(bad);
  assert.equal((await floor.inspection(failed.id)).verdict, 'fail');
  assert.equal((await missed(failed.id)).status, 200, 'a fail is no pass to audit, and has what nobody called all the same');
  assert.deepEqual(await counted(), { audited: 0, escapes: 0, missed: 2, column: 2 });
});

test('an audit that was answered before stays what it said; one that is answered after has seen what stands there', async () => {
  const before = await disputed();
  assert.equal((await review(before.id, { outcome: 'agrees' })).status, 200);
  assert.equal((await missed(before.id)).status, 200);
  assert.deepEqual(await counted(), { audited: 1, escapes: 0, missed: 3, column: 3 });
  assert.deepEqual(await counted('spur'), { audited: 1, escapes: 0, missed: 3, column: 3 });

  const [first] = boards;
  assert.equal((await review(String(first?.id), { outcome: 'agrees' })).status, 200, 'nothing but what stands there already');
  assert.deepEqual(await counted(), { audited: 2, escapes: 1, missed: 3, column: 3 });
  assert.deepEqual(await counted('spur'), { audited: 2, escapes: 1, missed: 3, column: 3 });

  const own = await disputed();
  assert.equal((await review(own.id, { outcome: 'disagrees', missed: [SPUR] })).status, 200);
  assert.deepEqual(await counted(), { audited: 3, escapes: 2, missed: 4, column: 4 }, 'an audit finds as it did');
});

test('who is right and what was missed are said in any order; the same request twice finds once', async () => {
  const board = await disputed();
  const settled = await floor.call('engineer', 'POST', `/v1/model-disagreements/${board.disagreement}`, { right: 'production' });
  assert.equal(settled.status, 200);
  await floor.quiet();
  const key = { 'idempotency-key': 'a-key-of-its-own-0001' };
  for (const round of [1, 2]) assert.equal((await missed(board.id, 'engineer', key)).status, 200, String(round));
  const { body } = await floor.call('engineer', 'GET', `/v1/inspections/${board.id}/defects`);
  assert.equal((body.data as unknown as Defect[]).filter(({ source }) => source === 'person').length, 1);
  const [look] = await floor.rows<{ outcome: string; missed: number }>(
    'select outcome, missed from disposition.look where disagreement_id = $1',
    [board.disagreement],
  );
  assert.deepEqual(look, { outcome: 'agrees', missed: 1 });
});

test('what does not go together is refused, and so is who may not', async () => {
  const board = await disputed();
  assert.equal((await review(board.id, { at: 'disagreement', outcome: 'agrees' })).status, 422);
  assert.equal((await review(board.id, { at: 'disagreement', outcome: 'disagrees' })).status, 422);
  assert.equal((await review(board.id, { at: 'severity', outcome: 'disagrees', missed: [SPUR] })).status, 422);
  assert.equal((await missed(board.id, 'foreigner')).status, 404);
  assert.equal((await missed(board.id, 'auditor')).status, 403);
  const electrical = await floor.create('electrical', { lot_id: LOT });
  const refused = await missed(electrical);
  assert.equal(refused.status, 409);
  assert.match(String(refused.body.detail), /Nobody is asked/);
});

test('the data set has it as missed, with the mark of an audit where the board was drawn for one', async () => {
  await floor.quiet();
  const { body } = await floor.call('engineer', 'GET', '/v1/review-dataset');
  const [, ...lines] = String(body.text)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { split: string; boxes: { decision: string }[] });
  const found = lines.filter(({ boxes }) => boxes.some(({ decision }) => decision === 'missed'));
  assert.deepEqual(found.map(({ split }) => split).sort(), ['audit', 'audit', 'audit', 'audit', 'train']);
});
