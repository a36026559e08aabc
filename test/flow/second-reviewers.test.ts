import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Defect } from '../../src/contracts/defects.ts';
import type { QualityReport, ReviewerAgreement } from '../../src/contracts/monitoring.ts';
import type { LookOutcome, Repeated, ReviewItem } from '../../src/contracts/review.ts';
import { drawnForAudit } from '../../src/disposition/audit-draw.ts';
import { drawBoard } from '../support/boards.ts';
import { openFloor, until, type Who } from '../support/floor.ts';

const MODEL = 'pcb-pair-synth';
const LOT = 'LOT-2025-001';
const review = { auditShare: 1, auditSeed: '1', severityFrom: 'off', disagreements: 0 } as const;
const floor = await openFloor({ after }, { review: { ...review, repeatShare: 1 } });
const good = await drawBoard();
await floor.assign(LOT, { template: good });
const MISSED = [{ class: 'short', box: { x: 8, y: 8, width: 12, height: 12 } }];

async function board(): Promise<string> {
  const id = await floor.create('visual', { lot_id: LOT });
  await floor.upload('station', id, 'image', good);
  await floor.settled(id);
  return id;
}
const audit = (id: string, outcome: LookOutcome, who: Who = 'engineer') =>
  floor.call(who, 'POST', `/v1/inspections/${id}/review`, { outcome, ...(outcome === 'disagrees' ? { missed: MISSED } : {}) });
const queue = async (who: Who) =>
  (await floor.call(who, 'GET', '/v1/review-queue?kind=repeat&limit=100')).body.data as unknown as ReviewItem[];
const asked = async (who: Who, id: string) => (await queue(who)).find(({ inspection }) => inspection.id === id);
const idOf = async (inspection: string) =>
  (await floor.rows<{ id: string }>('select id from disposition.repeat where inspection_id = $1', [inspection]))[0]?.id ?? '';
const answer = async (who: Who, inspection: string, outcome: LookOutcome, more: object = {}) =>
  await floor.call(who, 'POST', `/v1/repeated-looks/${await idOf(inspection)}`, { outcome, ...more });
const look = async (id: string) =>
  (await floor.rows(`select outcome, missed, reviewed_by from disposition.look where inspection_id = $1 and kind = 'audit'`, [id]))[0];
const marked = async (id: string) =>
  ((await floor.call('admin', 'GET', `/v1/inspections/${id}/defects`)).body.data as unknown as Defect[]).map(({ state }) => state);

test('an answered audit is asked again of another person, never of the one who answered, and the second does not see what the first said', async () => {
  const id = await board();
  assert.equal((await audit(id, 'disagrees')).status, 200);
  assert.equal(await asked('engineer', id), undefined);
  const item = await asked('second', id);
  assert.deepEqual([item?.kind, item?.why, item?.repeat?.turn, item?.repeat?.answers], ['repeat', 'second_opinion', 'second', []]);
  assert.deepEqual(item?.defects, [], 'what the first marked is not shown');
  const own = await answer('engineer', id, 'disagrees');
  assert.equal(own.status, 409);
  assert.match(String(own.body.detail), /another person is asked/);
  for (const [who, status] of [
    ['foreigner', 404],
    ['auditor', 403],
    ['station', 403],
  ] as const)
    assert.equal((await answer(who, id, 'agrees')).status, status, who);
  assert.equal((await answer('second', id, 'disagrees', { missed: MISSED })).status, 422, 'the second marks nothing');
  const said = await answer('second', id, 'disagrees');
  assert.deepEqual([said.status, (said.body as unknown as Repeated).state], [200, 'done']);
  assert.equal((await answer('third', id, 'agrees')).status, 409, 'they agree: nobody else is asked');
  for (const who of ['engineer', 'second', 'third', 'manager'] as const) assert.equal(await asked(who, id), undefined, who);
  assert.deepEqual(await look(id), { outcome: 'disagrees', missed: 1, reviewed_by: 'quality_engineer@hamburg' });
});

test('where the two differ a quality engineer who is neither decides: that nothing was missed, and the board is good again', async () => {
  const id = await board();
  await audit(id, 'disagrees');
  assert.equal((await floor.inspection(id)).verdict, 'fail');
  const said = await answer('manager', id, 'agrees');
  assert.equal((said.body as unknown as Repeated).state, 'third');
  assert.equal((await floor.inspection(id)).verdict, 'fail', 'the second changes nothing');
  assert.deepEqual(await look(id), { outcome: 'disagrees', missed: 1, reviewed_by: 'quality_engineer@hamburg' });
  for (const who of ['engineer', 'manager'] as const) {
    assert.equal(await asked(who, id), undefined);
    assert.equal((await answer(who, id, 'agrees')).status, 409);
  }
  assert.equal(await asked('admin', id), undefined);
  const refused = await answer('admin', id, 'agrees');
  assert.deepEqual([refused.status, /a quality engineer/.test(String(refused.body.detail))], [403, true]);
  const item = await asked('third', id);
  assert.deepEqual(
    [item?.why, item?.repeat?.answers],
    [
      'third_opinion',
      [
        { by: 'quality_engineer@hamburg', outcome: 'disagrees' },
        { by: 'quality_manager@hamburg', outcome: 'agrees' },
      ],
    ],
  );
  assert.equal(item?.defects.length, 1);
  const decided = await answer('third', id, 'agrees', { note: 'a scratch on the film' });
  assert.deepEqual([decided.status, (decided.body as unknown as Repeated).state], [200, 'done']);
  assert.deepEqual(await marked(id), ['rejected']);
  assert.equal((await floor.inspection(id)).verdict, 'pass');
  assert.deepEqual(await look(id), { outcome: 'agrees', missed: 0, reviewed_by: 'third@hamburg' });
  const trail = await floor.rows<{ old: { turn: string }; new: { outcome: string }; reason: string | null }>(
    `select old, new, reason from platform.audit_entry where action = 'inspection.reviewed' and object_id = $1 and old ->> 'kind' = 'repeat' order by id`,
    [id],
  );
  assert.deepEqual(
    trail.map((entry) => [entry.old.turn, entry.new.outcome, entry.reason]),
    [
      ['second', 'agrees', null],
      ['third', 'agrees', 'a scratch on the film'],
    ],
  );
});

test('or that something was: it is marked by the third, unless it is marked already', async () => {
  const id = await board();
  await audit(id, 'agrees');
  await answer('second', id, 'disagrees');
  assert.equal((await answer('third', id, 'disagrees')).status, 422, 'nothing is marked yet');
  assert.equal((await answer('third', id, 'disagrees', { missed: MISSED })).status, 200);
  assert.deepEqual(await marked(id), ['confirmed']);
  assert.equal((await floor.inspection(id)).verdict, 'fail');
  assert.deepEqual(await look(id), { outcome: 'disagrees', missed: 1, reviewed_by: 'third@hamburg' });

  const standing = await board();
  await audit(standing, 'disagrees');
  await answer('second', standing, 'cannot_tell');
  assert.equal((await answer('third', standing, 'disagrees')).status, 200);
  assert.deepEqual(await marked(standing), ['confirmed']);
});

test('the figures are those of the last word, and kappa has its denominator, by pair and in all', async () => {
  for (const [first, second] of [
    ['agrees', 'agrees'],
    ['agrees', 'agrees'],
    ['agrees', 'disagrees'],
  ] as const) {
    const id = await board();
    await audit(id, first);
    await answer('second', id, second);
  }
  await audit(await board(), 'agrees');
  await floor.quiet();
  const { body } = await floor.call('auditor', 'GET', `/v1/models/${MODEL}/agreement`);
  const { drawn, waiting, total, pairs, words } = body as unknown as ReviewerAgreement;
  assert.deepEqual([drawn, waiting, words], [8, { second: 1, third: 1 }, ['agrees', 'disagrees', 'cannot_tell']]);
  assert.deepEqual([total.n, total.agreeing], [7, 3]);
  const [most, other] = pairs;
  assert.deepEqual(most?.reviewers, ['quality_engineer@hamburg', 'second@hamburg']);
  assert.deepEqual(most?.table, [
    [2, 2, 0],
    [0, 1, 1],
    [0, 0, 0],
  ]);
  // By hand: 3 of 6 agree; by chance 4/6 * 2/6 + 2/6 * 3/6 = 14/36 would; (18 - 14) / (36 - 14).
  assert.deepEqual([most?.figures.n, most?.figures.observed], [6, 0.5]);
  assert.ok(Math.abs((most?.figures.kappa ?? 0) - 4 / 22) < 1e-12);
  assert.deepEqual([most?.decided, most?.upheld], [2, [1, 1]]);
  assert.deepEqual(
    [other?.reviewers, other?.figures.n, other?.decided, other?.upheld],
    [['quality_engineer@hamburg', 'quality_manager@hamburg'], 1, 1, [0, 1]],
  );
  const quality = (await floor.call('engineer', 'GET', `/v1/models/${MODEL}/quality`)).body as unknown as QualityReport;
  assert.deepEqual([quality.total.audited, quality.total.escapes, quality.total.missed_defects], [8, 3, 3]);
  const text = await until('metrics', async () => {
    const now = (await floor.metrics.render()).text;
    return /review_kappa\{kind="audit"\} \d/.test(now) && now;
  });
  assert.match(text, /review_repeats\{state="second"\} 1\n/);
  assert.match(text, /review_repeats\{state="third"\} 1\n/);
  assert.match(text, /review_repeats\{state="done"\} 6\n/);
  assert.match(text, new RegExp(`review_kappa\\{kind="audit"\\} ${String(total.kappa).slice(0, 8)}`));
  const foreign = (await floor.call('foreigner', 'GET', `/v1/models/${MODEL}/agreement`)).body as unknown as ReviewerAgreement;
  assert.deepEqual([foreign.drawn, foreign.total.n, foreign.total.kappa, foreign.pairs], [0, 0, null, []]);
  assert.equal((await floor.call('engineer', 'GET', '/v1/models/nothing/agreement')).status, 404);
});

test('a third who cannot tell changes no defect and no verdict; the audit counts neither way', async () => {
  const quality = async () => ((await floor.call('engineer', 'GET', `/v1/models/${MODEL}/quality`)).body as unknown as QualityReport).total;
  await floor.quiet();
  const before = await quality();
  const id = await board();
  await audit(id, 'disagrees');
  await answer('second', id, 'cannot_tell');
  const said = await answer('third', id, 'cannot_tell');
  assert.deepEqual([said.status, said.body.state, said.body.defects], [200, 'done', []]);
  assert.deepEqual(await marked(id), ['confirmed']);
  assert.equal((await floor.inspection(id)).verdict, 'fail');
  assert.deepEqual(await look(id), { outcome: 'cannot_tell', missed: 1, reviewed_by: 'third@hamburg' });
  assert.deepEqual(await floor.events('inspection.verdict_revised', id).then((told) => told.length), 1, 'that of the first');
  await floor.quiet();
  const after = await quality();
  assert.deepEqual(
    [after.audited, after.escapes, after.audits_cannot_tell, after.missed_defects],
    [before.audited, before.escapes, before.audits_cannot_tell + 1, before.missed_defects + 1],
  );
  const { body } = await floor.call('engineer', 'GET', `/v1/review-dataset`);
  const lines = String(body.text)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const line = lines.find(({ inspection_id }) => inspection_id === id);
  assert.deepEqual(
    [line?.split, line?.audit, line?.boxes.map(({ decision }: { decision: string }) => decision)],
    ['audit', null, ['missed']],
  );
});

test('another person is another subject: not who was renamed meanwhile, but also a namesake', async () => {
  const id = await board();
  await audit(id, 'disagrees');
  assert.equal(await asked('renamed', id), undefined);
  assert.equal((await answer('renamed', id, 'agrees')).status, 409);
  assert.equal((await asked('namesake', id))?.repeat?.turn, 'second');
  assert.equal((await answer('namesake', id, 'agrees')).status, 200);
  for (const who of ['engineer', 'renamed', 'namesake'] as const) {
    assert.equal(await asked(who, id), undefined, who);
    assert.equal((await answer(who, id, 'agrees')).status, 409, who);
  }
  assert.equal((await answer('third', id, 'disagrees')).status, 200);
});

test('of whom only the name was kept is known by it', async () => {
  const id = await board();
  await audit(id, 'agrees');
  await floor.rows(`update disposition.repeat set first_subject = 'name:' || first_by where inspection_id = $1`, [id]);
  assert.equal(await asked('engineer', id), undefined);
  assert.equal((await answer('engineer', id, 'agrees')).status, 409);
  assert.equal((await asked('second', id))?.repeat?.turn, 'second');
});

test('two who answer as the second at the same moment: one of them does', async () => {
  const id = await board();
  await audit(id, 'agrees');
  const both = await Promise.all([answer('second', id, 'agrees'), answer('third', id, 'agrees')]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409]);
});

test('the share that is drawn is that of the setting, and not the boards that the audit drew', () => {
  const ids = Array.from({ length: 40_000 }, (_, at) => `0193a000-0000-7000-8000-${String(at).padStart(12, '0')}`);
  const audited = ids.filter((id) => drawnForAudit(id, 0.2, '1'));
  const again = audited.filter((id) => drawnForAudit(id, 0.05, '1/again'));
  assert.ok(Math.abs(again.length / audited.length - 0.05) < 0.01, `${again.length} of ${audited.length}`);
});
