import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Defect } from '../../src/contracts/defects.ts';
import type { PlatformEvent } from '../../src/contracts/events.ts';
import type { ReviewItem } from '../../src/contracts/review.ts';
import { drawBoard, type Patch } from '../support/boards.ts';
import { openFloor, until, type Who } from '../support/floor.ts';

const floor = await openFloor({ after });
const cell = (x: number, y: number): Patch => ({ x, y, width: 8, height: 8 });
const LOTS = { good: 'LOT-2025-001', other: 'LOT-2025-002' };
const pictures = {
  good: await drawBoard(),
  one: await drawBoard({}, { lost: [cell(0, 16)] }),
  two: await drawBoard({}, { lost: [cell(0, 16), cell(32, 48)] }),
  unsure: await drawBoard({}, { lost: [{ ...cell(0, 16), width: 7, height: 4 }] }),
  unsureTwice: await drawBoard({}, { lost: [cell(0, 16), cell(32, 48)].map((at) => ({ ...at, width: 7, height: 4 })) }),
};
for (const lot of Object.values(LOTS)) await floor.assign(lot, { template: pictures.good });

async function judged(picture: keyof typeof pictures, lot_id = LOTS.good): Promise<{ id: string; defects: Defect[] }> {
  const id = await floor.create('visual', { lot_id });
  await floor.upload('station', id, 'image', pictures[picture]);
  await floor.settled(id);
  return { id, defects: (await floor.call('engineer', 'GET', `/v1/inspections/${id}/defects`)).body.data as unknown as Defect[] };
}
const review = (who: Who, defect: Defect | undefined, body: object, headers = {}) =>
  floor.call(who, 'POST', `/v1/defects/${defect?.id}/review`, body, headers);

test('an uncertain board waits with its proposals; confirmed it fails, rejected it passes, by the person, once', async () => {
  for (const [decision, verdict] of [
    ['confirm', 'fail'],
    ['reject', 'pass'],
  ] as const) {
    const { id, defects } = await judged('unsure');
    const waiting = await floor.inspection(id);
    assert.deepEqual([waiting.status, waiting.reason, defects.length, defects[0]?.score], ['awaiting_review', 'uncertain', 1, 0.4375]);
    const { status, body, headers } = await review('engineer', defects[0], { decision, reason: 'looked at it' });
    assert.deepEqual(
      [status, body.state, body.reviewed_by, body.review_reason, headers.etag],
      [200, `${decision}ed`, 'quality_engineer@hamburg', 'looked at it', '"2"'],
    );
    const after = await floor.inspection(id);
    assert.deepEqual([after.status, after.verdict], ['completed', verdict]);
    await floor.quiet();
    const [told] = await floor.events('inspection.judged', id);
    assert.equal((told as PlatformEvent<'inspection.judged'>).payload.by, 'person');
  }
});

test('a fail stays a fail until all its defects are rejected; then the verdict is revised, and back again', async () => {
  const { id, defects } = await judged('two');
  assert.equal(defects.length, 2);
  await review('engineer', defects[0], { decision: 'reject' });
  assert.equal((await floor.inspection(id)).verdict, 'fail');
  await review('engineer', defects[1], { decision: 'reject' });
  assert.equal((await floor.inspection(id)).verdict, 'pass');
  assert.equal((await review('manager', defects[1], { decision: 'confirm' })).status, 200);
  assert.equal((await floor.inspection(id)).verdict, 'fail');
  await floor.quiet();
  const revisions = (await floor.events('inspection.verdict_revised', id)).map(
    ({ payload }) => payload as { previous: string; verdict: string },
  );
  assert.deepEqual(
    revisions.map(({ previous, verdict }) => [previous, verdict]),
    [
      ['fail', 'pass'],
      ['pass', 'fail'],
    ],
  );
  const versions = (await floor.events('inspection.verdict_revised', id)).map(({ aggregate }) => aggregate.version);
  assert.deepEqual(versions, [...versions].sort(), 'in the order of the versions');
  const { body } = await floor.call('admin', 'GET', `/v1/inspections/${id}`);
  assert.equal(body.status, 'completed');
});

test('a reclassified defect has the severity of its new class and counts as confirmed', async () => {
  const { id, defects } = await judged('one');
  const { body } = await review('engineer', defects[0], { decision: 'reclassify', class: 'mousebite' });
  assert.deepEqual([body.class, body.proposed_class, body.severity, body.state], ['mousebite', 'open', 'medium', 'confirmed']);
  assert.equal((await floor.inspection(id)).verdict, 'fail');
});

test('what cannot be reviewed is refused', async () => {
  const { defects } = await judged('one');
  const refused = async (who: Who, body: object, headers = {}) => {
    const { status, body: problem } = await review(who, defects[0], body, headers);
    return [status, (problem.error as { code: string } | undefined)?.code];
  };
  assert.deepEqual(await refused('engineer', { decision: 'reclassify' }), [422, 'validation_error']);
  assert.deepEqual(await refused('engineer', { decision: 'reclassify', class: 'out_of_limits' }), [422, 'validation_error']);
  assert.deepEqual(await refused('engineer', { decision: 'confirm', class: 'short' }), [422, 'validation_error']);
  assert.deepEqual(await refused('engineer', { decision: 'perhaps' }), [422, 'validation_error']);
  assert.deepEqual(await refused('foreigner', { decision: 'confirm' }), [404, 'not_found']);
  assert.deepEqual(await refused('station', { decision: 'confirm' }), [403, 'forbidden']);
  assert.deepEqual(await refused('operator', { decision: 'confirm' }), [403, 'forbidden']);
  assert.deepEqual(await refused('engineer', { decision: 'confirm' }, { 'if-match': '"7"' }), [412, 'precondition_failed']);
  assert.deepEqual(await refused('engineer', { decision: 'confirm' }, { 'if-match': '"1"' }), [200, undefined]);
  assert.equal((await floor.call('engineer', 'POST', '/v1/defects/nonsense/review', { decision: 'confirm' })).status, 404);
});

test('two people review the two defects of a waiting board at the same moment: one verdict comes of it', async () => {
  const { id, defects } = await judged('two');
  await floor.rows(
    `update intake.inspection set status = 'awaiting_review', verdict = null, reason = 'uncertain', completed_at = null where id = $1`,
    [id],
  );
  await floor.rows('delete from disposition.judgement where inspection_id = $1', [id]);
  const answers = await Promise.all([
    review('engineer', defects[0], { decision: 'reject' }),
    review('manager', defects[1], { decision: 'reject' }),
  ]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200],
  );
  assert.equal((await floor.inspection(id)).verdict, 'pass');
  assert.equal((await floor.rows('select from disposition.judgement where inspection_id = $1', [id])).length, 1);
});

test('a person completes by hand, with words; a client may not, nor twice, nor while a model is at it', async () => {
  const id = await floor.create('visual', { lot_id: LOTS.other });
  const complete = (who: Who, headers = {}, body: object = { verdict: 'inconclusive', reason: 'the picture is of the desk' }) =>
    floor.call(who, 'POST', `/v1/inspections/${id}/complete`, body, headers);
  const code = async (answer: ReturnType<typeof complete>) => [
    (await answer).status,
    ((await answer).body.error as { code: string } | undefined)?.code,
  ];
  assert.deepEqual(await code(complete('station')), [403, 'person_required']);
  assert.deepEqual(await code(complete('foreigner')), [404, 'not_found']);
  assert.deepEqual(await code(complete('auditor')), [403, 'forbidden']);
  assert.deepEqual(await code(complete('operator', {}, { verdict: 'pass' })), [422, 'validation_error']);
  assert.deepEqual(await code(complete('operator', { 'if-match': '"9"' })), [412, 'precondition_failed']);
  await floor.rows(`update inference.model_version set stage = 'shadow'`);
  await floor.upload('station', id, 'image', pictures.one);
  await until('the run', async () => (await floor.inspection(id)).status === 'in_progress');
  const busy = await complete('operator');
  assert.deepEqual([busy.status, /A model is at it/.test(String(busy.body.detail))], [409, true]);
  await floor.rows('delete from inference.job where inspection_id = $1', [id]);
  await floor.rows(`update inference.model_version set stage = 'production'`);
  const done = await complete('operator', { 'idempotency-key': 'by-hand' });
  assert.deepEqual(
    [done.status, done.body.status, done.body.verdict, done.body.reason],
    [200, 'completed', 'inconclusive', 'the picture is of the desk'],
  );
  assert.equal(done.headers.etag, `"${done.body.version}"`);
  assert.deepEqual((await complete('operator', { 'idempotency-key': 'by-hand' })).body, done.body);
  assert.deepEqual(await code(complete('operator')), [409, 'transition_not_allowed']);
  await floor.quiet();
  assert.equal((await floor.events('inspection.judged', id)).length, 1);
});

test('a waiting board with a defect that a person has confirmed passes by no hand, and is not cancelled', async () => {
  const { id, defects } = await judged('unsureTwice');
  assert.deepEqual([(await floor.inspection(id)).reason, defects.length], ['uncertain', 2]);
  assert.equal((await review('engineer', defects[0], { decision: 'confirm' })).status, 200);
  assert.equal((await floor.inspection(id)).status, 'awaiting_review', 'the second is not reviewed');
  const complete = (verdict: string) => floor.call('operator', 'POST', `/v1/inspections/${id}/complete`, { verdict, reason: 'looked' });
  for (const verdict of ['pass', 'inconclusive']) {
    const { status, body } = await complete(verdict);
    assert.deepEqual([status, /has confirmed a defect that fails it/.test(String(body.detail))], [409, true], verdict);
  }
  for (const who of ['station', 'operator'] as const) {
    const { status, body } = await floor.call(who, 'POST', `/v1/inspections/${id}/cancel`, { reason: 'wrong board' });
    assert.deepEqual([status, /has confirmed a defect/.test(String(body.detail))], [409, true], who);
  }
  assert.deepEqual([(await complete('fail')).status, (await floor.inspection(id)).verdict], [200, 'fail']);
});

test('a waiting board whose confirmed defect was rejected after all can be cancelled', async () => {
  const { id, defects } = await judged('unsureTwice');
  for (const decision of ['confirm', 'reject']) await review('engineer', defects[0], { decision });
  assert.equal((await floor.call('operator', 'POST', `/v1/inspections/${id}/cancel`, { reason: 'wrong board' })).status, 200);
});

test('a unit that a person called inconclusive is inconclusive again once its confirmed defect is rejected, and not a pass', async () => {
  const { id, defects } = await judged('unsure');
  await floor.call('operator', 'POST', `/v1/inspections/${id}/complete`, { verdict: 'inconclusive', reason: 'glare' });
  await review('engineer', defects[0], { decision: 'confirm' });
  assert.equal((await floor.inspection(id)).verdict, 'fail');
  await review('engineer', defects[0], { decision: 'reject' });
  assert.equal((await floor.inspection(id)).verdict, 'inconclusive');
});

test('the queue shows what waits, the worst first, with its defects, in pages and as a file, for one site', async () => {
  const { id: uncertain } = await judged('unsure');
  const bare = await floor.create('visual', { lot_id: LOTS.other });
  await floor.upload('station', bare, 'image', pictures.good.subarray(0, pictures.good.length - 30));
  await floor.settled(bare);
  const seen: ReviewItem[] = [];
  for (let cursor = ''; ; ) {
    const { status, body } = await floor.call('engineer', 'GET', `/v1/review-queue?limit=1${cursor}`);
    assert.equal(status, 200);
    seen.push(...(body.data as unknown as ReviewItem[]));
    if (!body.has_more) break;
    cursor = `&cursor=${body.next_cursor}`;
  }
  const at = (id: string) => seen.findIndex(({ inspection }) => inspection.id === id);
  assert.ok(at(uncertain) >= 0 && at(uncertain) < at(bare));
  assert.equal(new Set(seen.map(({ inspection }) => inspection.id)).size, seen.length);
  const [top, last] = [seen[at(uncertain)], seen[at(bare)]] as const;
  assert.deepEqual([top?.why, top?.worst_severity, top?.worst_score, top?.defects.length], ['uncertain', 'critical', 0.4375, 1]);
  assert.deepEqual([last?.why, last?.worst_severity, last?.defects.length], ['unreadable_image', null, 0]);
  assert.deepEqual((await floor.call('foreigner', 'GET', '/v1/review-queue')).body.data, []);
  assert.equal(((await floor.call('admin', 'GET', '/v1/review-queue?limit=100')).body.data ?? []).length, seen.length);
  assert.equal((await floor.call('station', 'GET', '/v1/review-queue')).status, 403);
  assert.equal((await floor.call('engineer', 'GET', '/v1/review-queue?cursor=W10')).status, 422);
  const { body } = await floor.call('engineer', 'GET', '/v1/review-queue', undefined, { accept: 'text/csv' });
  assert.equal(String(body.text).trim().split('\r\n').length, seen.length + 1);
});

test('defects are listed in pages and as a file, for those who may see the inspection', async () => {
  const { id } = await judged('two');
  const url = `/v1/inspections/${id}/defects`;
  const first = await floor.call('station', 'GET', `${url}?limit=1`);
  assert.deepEqual([first.body.has_more, first.body.data?.length], [true, 1]);
  const rest = await floor.call('station', 'GET', `${url}?limit=1&cursor=${first.body.next_cursor}`);
  assert.deepEqual([rest.body.has_more, rest.body.next_cursor], [false, null]);
  assert.notEqual(rest.body.data?.[0]?.id, first.body.data?.[0]?.id);
  for (const who of ['neighbour', 'stranger', 'foreigner'] as const) assert.equal((await floor.call(who, 'GET', url)).status, 404, who);
  const { body } = await floor.call('auditor', 'GET', url, undefined, { accept: 'text/csv' });
  assert.equal(String(body.text).trim().split('\r\n').length, 3);
});

test('the policies are listed', async () => {
  const { body } = await floor.call('operator', 'GET', '/v1/policies');
  const [standard] = body.data as [{ name: string; version: number; rules: { fail_from: string } }];
  assert.deepEqual([standard.name, standard.version, standard.rules.fail_from], ['standard', 1, 'medium']);
  assert.equal((await floor.call('station', 'GET', '/v1/policies')).status, 403);
});
