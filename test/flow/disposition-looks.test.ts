import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Defect } from '../../src/contracts/defects.ts';
import type { InspectionReviewed, ReviewItem } from '../../src/contracts/review.ts';
import { reviewDefect, reviewInspection } from '../../web/src/api/changes.ts';
import type { Api } from '../../web/src/api/client.ts';
import { drawBoard } from '../support/boards.ts';
import { openFloor } from '../support/floor.ts';

const floor = await openFloor({ after }, { review: { auditShare: 1, auditSeed: '1', severityFrom: 'critical', disagreements: 0 } });
const LOT = 'LOT-2025-001';
const good = await drawBoard();
const bad = await drawBoard({}, { lost: [{ x: 0, y: 16, width: 8, height: 8 }] });
const unsure = await drawBoard({}, { lost: [{ x: 0, y: 16, width: 7, height: 4 }] });
await floor.assign(LOT, { template: good });

async function judged(picture: Buffer, lot_id = LOT): Promise<string> {
  const id = await floor.create('visual', { lot_id });
  await floor.upload('station', id, 'image', picture);
  await floor.settled(id);
  return id;
}
const queue = async (query = '') =>
  (await floor.call('engineer', 'GET', `/v1/review-queue?limit=100${query}`)).body.data as unknown as ReviewItem[];
const answer = (id: string, body: object, who: 'engineer' | 'operator' | 'station' | 'foreigner' = 'engineer') =>
  floor.call(who, 'POST', `/v1/inspections/${id}/review`, body);
const missed = [{ class: 'open', box: { x: 0, y: 16, width: 8, height: 8 } }];

test('a pass is drawn in the commit of its verdict; an audit that agrees changes nothing and closes it', async () => {
  const id = await judged(good);
  const [item] = (await queue('&kind=audit')).filter(({ inspection }) => inspection.id === id);
  assert.deepEqual([item?.kind, item?.why, item?.inspection.verdict, item?.defects], ['audit', 'random_audit', 'pass', []]);
  const { status, body } = await answer(id, { outcome: 'agrees', note: 'looked closely' });
  const { look, inspection, defects } = body as unknown as InspectionReviewed;
  assert.deepEqual(
    [status, look.outcome, look.reviewed_by, look.missed, inspection.verdict, defects],
    [200, 'agrees', 'quality_engineer@hamburg', 0, 'pass', []],
  );
  assert.equal((await queue('&kind=audit')).filter((one) => one.inspection.id === id).length, 0);
  assert.equal((await answer(id, { outcome: 'agrees' })).status, 409, 'once');
});

test('a missed defect is a confirmed escape: the pass becomes a fail and a released lot is held again; a second look at the defect takes it back', async () => {
  const lot_id = 'LOT-2025-002';
  await floor.assign(lot_id, { template: good });
  const id = await judged(good, lot_id);
  assert.equal((await floor.call('manager', 'POST', `/v1/lots/${lot_id}/release`, { reason: 'all good' })).status, 200);
  const { status, body } = await answer(id, { outcome: 'disagrees', missed, note: 'an open at the rim' });
  const { look, inspection, defects } = body as unknown as InspectionReviewed;
  assert.deepEqual([status, look.missed, inspection.verdict, inspection.status], [200, 1, 'fail', 'completed']);
  const [defect] = defects as [Defect];
  assert.deepEqual([defect.class, defect.source, defect.state, defect.severity], ['open', 'person', 'confirmed', 'critical']);
  const [lot] = await floor.rows<{ state: string; reason: string }>(`select state, reason from disposition.lot where lot_id = $1`, [
    lot_id,
  ]);
  assert.equal(lot?.state, 'held');
  assert.match(lot?.reason ?? '', /a fail after the release/);
  await floor.quiet();
  assert.equal((await floor.events('inspection.verdict_revised', id)).length, 1);
  assert.deepEqual(
    (await floor.events('defect.reviewed', id)).map(({ payload }) => (payload as { decision: string }).decision),
    ['missed'],
  );
  const back = await floor.call('manager', 'POST', `/v1/defects/${defect.id}/review`, { decision: 'reject', reason: 'dust' });
  assert.equal(back.status, 200);
  assert.equal((await floor.inspection(id)).verdict, 'pass');
});

test('grave defects of a model wait for a person after the fail, until none is left to review', async () => {
  const id = await judged(bad);
  assert.equal((await floor.inspection(id)).verdict, 'fail');
  const [item] = (await queue('&kind=severity')).filter(({ inspection }) => inspection.id === id);
  assert.deepEqual([item?.why, item?.worst_severity, item?.defects.length], ['critical_defect', 'critical', 1]);
  assert.equal((await answer(id, { outcome: 'agrees' })).status, 409, 'its defects are reviewed one by one');
  await floor.call('engineer', 'POST', `/v1/defects/${item?.defects[0]?.id}/review`, { decision: 'confirm' });
  assert.deepEqual(await queue('&kind=severity'), []);
  const [look] = await floor.rows<{ outcome: string }>(`select outcome from disposition.look where inspection_id = $1`, [id]);
  assert.equal(look?.outcome, 'agrees');
});

test('a board that is run again: what the new run replaced was rejected by nobody, so all confirmed is agreed', async () => {
  const id = await judged(unsure);
  assert.equal((await floor.inspection(id)).reason, 'uncertain');
  assert.equal((await floor.upload('station', id, 'image', bad)).status, 201);
  assert.equal((await floor.call('engineer', 'POST', `/v1/inspections/${id}/infer`, {})).status, 202);
  await floor.quiet();
  assert.equal((await floor.inspection(id)).verdict, 'fail');
  const defects = (await floor.call('engineer', 'GET', `/v1/inspections/${id}/defects`)).body.data as unknown as Defect[];
  assert.deepEqual(
    defects.map(({ state, reviewed_by }) => [state, reviewed_by]),
    [
      ['rejected', 'disposition'],
      ['proposed', null],
    ],
  );
  assert.equal((await floor.call('engineer', 'POST', `/v1/defects/${defects[1]?.id}/review`, { decision: 'confirm' })).status, 200);
  const [look] = await floor.rows<{ outcome: string }>(`select outcome from disposition.look where inspection_id = $1`, [id]);
  assert.equal(look?.outcome, 'agrees');
});

test('what holds up a unit comes before looks that hold up none, in pages that meet without a gap', async () => {
  const made = [await judged(bad), await judged(unsure), await judged(good), await judged(bad), await judged(unsure)];
  const all = (await queue()).filter(({ inspection }) => made.includes(inspection.id));
  assert.deepEqual(
    all.map(({ kind }) => kind),
    ['waiting', 'waiting', 'severity', 'severity', 'audit'],
  );
  const seen: string[] = [];
  for (let cursor = ''; ; ) {
    const { body } = await floor.call('engineer', 'GET', `/v1/review-queue?limit=2${cursor}`);
    seen.push(...(body.data as unknown as ReviewItem[]).map(({ kind, inspection }) => `${kind} ${inspection.id}`));
    if (!body.has_more) break;
    cursor = `&cursor=${body.next_cursor}`;
  }
  assert.deepEqual(
    seen,
    (await queue()).map(({ kind, inspection }) => `${kind} ${inspection.id}`),
  );
  assert.deepEqual((await floor.call('foreigner', 'GET', '/v1/review-queue')).body.data, []);
  assert.equal((await floor.call('engineer', 'GET', '/v1/review-queue?kind=other')).status, 422);
});

test('an answer that does not hold together, or is not one’s to give, is refused and changes nothing', async () => {
  const id = await judged(good);
  for (const [body, status] of [
    [{ outcome: 'disagrees' }, 422],
    [{ outcome: 'disagrees', missed: [] }, 422],
    [{ outcome: 'agrees', missed }, 422],
    [{ outcome: 'cannot_tell', missed }, 422],
    [{ outcome: 'disagrees', missed: [{ class: 'out_of_limits', box: missed[0]?.box }] }, 422],
    [{ outcome: 'disagrees', missed: [{ class: 'open', box: { ...missed[0]?.box, width: 0 } }] }, 422],
    [{ outcome: 'maybe' }, 422],
    [{}, 422],
    ...[
      { x: -1, y: 0, width: 8, height: 8 },
      { x: 0, y: 0, width: 0, height: 8 },
      { x: 60, y: 0, width: 8, height: 8 },
      { x: 0, y: 60, width: 8, height: 8 },
    ].map((box) => [{ outcome: 'disagrees', missed: [{ class: 'open', box }] }, 422] as const),
  ] as const)
    assert.equal((await answer(id, body)).status, status, JSON.stringify(body));
  assert.equal((await answer(id, { outcome: 'agrees' }, 'operator')).status, 403);
  assert.equal((await answer(id, { outcome: 'agrees' }, 'station')).status, 403);
  assert.equal((await answer(id, { outcome: 'agrees' }, 'foreigner')).status, 404);
  const stale = await floor.call('engineer', 'POST', `/v1/inspections/${id}/review`, { outcome: 'agrees' }, { 'if-match': '"99"' });
  assert.equal(stale.status, 412);
  const [one, other] = await Promise.all([answer(id, { outcome: 'cannot_tell' }), answer(id, { outcome: 'cannot_tell' })]);
  assert.deepEqual([one?.status, other?.status].sort(), [200, 409], 'two people at once: one answer');
});

test('the screen sends a finding that was renamed and what was missed at once: both are taken, though the first moves the inspection on', async () => {
  const lot_id = 'LOT-2025-004';
  await floor.assign(lot_id, { template: good });
  await floor.rows(
    `insert into disposition.policy (name, version, rules) select 'lenient', 1, jsonb_set(rules, '{severity,open}', '"low"')
     from disposition.policy where name = 'standard' and version = 1`,
  );
  await floor.rows(
    `update masterdata.product_revision r set policy_name = 'lenient' from masterdata.lot l
     where l.lot_id = $1 and r.product = l.product and r.revision = l.revision`,
    [lot_id],
  );
  const id = await judged(bad, lot_id);
  const [item] = (await queue('&kind=audit')).filter(({ inspection }) => inspection.id === id);
  assert.ok(item);
  assert.deepEqual(
    [item.inspection.verdict, item.defects.map(({ state, severity }) => `${state} ${severity}`)],
    ['pass', ['proposed low']],
  );
  const api: Pick<Api, 'json'> = {
    async json<T>(path: string, { body, ifMatch, idempotencyKey = '' }: Parameters<Api['json']>[1] = {}) {
      const version: Record<string, string> = ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` };
      const answered = await floor.call('engineer', 'POST', path, body, { 'idempotency-key': idempotencyKey, ...version });
      assert.equal(answered.status, 200, JSON.stringify(answered.body));
      return answered.body as T;
    },
  };
  const [finding] = item.defects as [Defect];
  await reviewDefect(api as Api, finding, { decision: 'reclassify', class: 'short' }, { key: `${id}-finding` });
  const moved = await floor.inspection(id);
  assert.deepEqual([moved.verdict, moved.version > item.inspection.version], ['fail', true]);
  const box = { x: 32, y: 48, width: 8, height: 8 };
  const { look } = await reviewInspection(
    api as Api,
    item.inspection,
    { outcome: 'disagrees', missed: [{ class: 'open', box }] },
    { key: `${id}-look` },
  );
  assert.deepEqual([look.outcome, look.missed], ['disagrees', 1]);
});
