import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Comparison, Disagreement } from '../../src/contracts/models.ts';
import type { ReviewItem } from '../../src/contracts/review.ts';
import { askWhoIsRight } from '../../src/disposition/disagreement-looks.ts';
import type { DispositionTables } from '../../src/disposition/tables.ts';
import { uuidv7 } from '../../src/platform/id.ts';
import { drawBoard } from '../support/boards.ts';
import { openFloor, until, type Who } from '../support/floor.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

const MODEL = 'pcb-pair-synth';
const MOST = 3;
const modelsDir = await mkdtemp(join(tmpdir(), 'cqp-disagree-'));
after(() => rm(modelsDir, { recursive: true, force: true }));
// 1 is good, 2 calls a short everywhere, 3 calls what 1 only doubts.
await writeTinyModel(modelsDir);
await writeTinyModel(modelsDir, { version: 2, least: 0.9, boxReach: 4 });
const classes = ['open', 'short', 'mousebite', 'spur', 'spurious_copper', 'pin_hole'];
await writeTinyModel(modelsDir, {
  version: 3,
  boxReach: 15,
  thresholds: Object.fromEntries(classes.map((one) => [one, 0.3])),
});
const floor = await openFloor(
  { after },
  {
    modelsDir,
    judging: 1,
    review: { auditShare: 0, auditSeed: '1', severityFrom: 'off', disagreements: MOST },
    governed: { watchMs: 600_000 },
  },
);
const LOT = 'LOT-2025-001';
/** 96 cells: what version 2 calls everywhere is more than the second look at the pictures would take back (`second-look.ts`). */
const SIZE = { width: 96, height: 64 };
const good = await drawBoard(SIZE);
const unsure = await drawBoard(SIZE, { lost: [{ x: 0, y: 16, width: 7, height: 4 }] });
await floor.assign(LOT, { template: good });

const stage = async (version: number, to: string) => {
  const { status } = await floor.call('engineer', 'POST', `/v1/models/${MODEL}/versions/${version}/stage`, {
    stage: to,
    reason: 'as the test wants it',
  });
  assert.equal(status, 200);
};
async function judged(pictures: readonly Buffer[]): Promise<string[]> {
  const ids: string[] = [];
  for (const picture of pictures) {
    const id = await floor.create('visual', { lot_id: LOT });
    await floor.upload('station', id, 'image', picture);
    ids.push(id);
  }
  for (const id of ids) await floor.settled(id);
  return ids;
}
const queue = async (who: Who = 'engineer') =>
  (await floor.call(who, 'GET', '/v1/review-queue?limit=100&kind=disagreement')).body.data as unknown as ReviewItem[];
const disagreements = async (query: string) =>
  (await floor.call('engineer', 'GET', `/v1/models/${MODEL}/disagreements?limit=100&${query}`)).body.data as unknown as Disagreement[];
const settle = (id: string | undefined, right: string, note = 'nothing there') =>
  floor.call('engineer', 'POST', `/v1/model-disagreements/${id}`, { right, note });
const look = async (id: string | undefined) =>
  (
    await floor.rows<{ outcome: string | null; reviewed_by: string | null; note: string | null }>(
      'select outcome, reviewed_by, note from disposition.look where disagreement_id = $1',
      [id],
    )
  )[0];
/** Every board of these was looked at a second time and all of it was told. */
async function compared(ids: readonly string[], version: number): Promise<void> {
  await until('the second looks', async () => {
    const [row] = await floor.rows<{ n: number }>(
      `select count(*)::int as n from inference.comparison where inspection_id = any($1) and candidate_version = $2 and state = 'done'`,
      [ids, version],
    );
    return row?.n === ids.length;
  });
  await floor.quiet();
}

test('a disagreement stands in the queue with what a reviewer needs, and at most so many of a model do', async () => {
  await stage(2, 'shadow');
  const ids = await judged(Array.from({ length: MOST + 2 }, () => good));
  await compared(ids, 2);
  const items = await queue();
  assert.equal(items.length, MOST, 'a candidate that is worse on every board fills no queue');
  assert.equal((await disagreements('state=open')).length, ids.length, 'the rest is on the page of the model');
  const [item] = items;
  const on = (await disagreements('state=open')).find(({ id }) => id === item?.disagreement?.id);
  assert.deepEqual(
    [item?.kind, item?.why, item?.inspection.verdict, item?.inspection.chip_id, item?.worst_severity, item?.defects],
    ['disagreement', 'models_disagree', 'pass', on?.chip_id, null, []],
  );
  const { disagreement } = item as ReviewItem;
  assert.deepEqual(
    [disagreement?.role, disagreement?.production_version, disagreement?.candidate_version, disagreement?.decided_by],
    ['shadow', 1, 2, 'production'],
  );
  assert.deepEqual([disagreement?.calls_differ, disagreement?.differences.length], [96, 50]);
  assert.deepEqual(disagreement?.differences, on?.differences);
  const told = await floor.events('model.disagreed', String(item?.inspection.id));
  assert.deepEqual(
    told.map(({ payload }) => (payload as { calls_differ: number }).calls_differ),
    [96],
  );
  assert.deepEqual(await queue('foreigner'), []);
  const { text } = await floor.metrics.render();
  assert.match(text, new RegExp(`review_looks_waiting\\{kind="disagreement"\\} ${MOST}\n`));
});

test('who is right is said once, where the disagreement is: the look follows, and follows another mind too', async () => {
  const [first, second, third] = await queue();
  const review = await floor.call('engineer', 'POST', `/v1/inspections/${first?.inspection.id}/review`, { outcome: 'agrees' });
  assert.equal(review.status, 409);
  assert.match(String(review.body.detail), new RegExp(`POST /v1/model-disagreements/${first?.disagreement?.id}`));
  for (const [item, right, outcome] of [
    [first, 'production', 'agrees'],
    [second, 'candidate', 'disagrees'],
    [third, 'cannot_tell', 'cannot_tell'],
  ] as const) {
    const answer = await settle(item?.disagreement?.id, right);
    assert.deepEqual([answer.status, answer.body.state, answer.body.right], [200, 'settled', right]);
    await floor.quiet();
    assert.deepEqual(await look(item?.disagreement?.id), { outcome, reviewed_by: 'quality_engineer@hamburg', note: 'nothing there' });
  }
  assert.deepEqual(await queue(), []);
  await settle(first?.disagreement?.id, 'neither', 'on second thought');
  await floor.quiet();
  assert.deepEqual(await look(first?.disagreement?.id), {
    outcome: 'disagrees',
    reviewed_by: 'quality_engineer@hamburg',
    note: 'on second thought',
  });
  assert.equal((await floor.events('model.disagreement_settled', String(first?.inspection.id))).length, 2);
  assert.equal((await floor.inspection(String(first?.inspection.id))).verdict, 'pass', 'it changes no verdict');
  const { body } = await floor.call('auditor', 'GET', `/v1/models/${MODEL}/comparison`);
  const [shadow] = body.data as unknown as Comparison[];
  assert.deepEqual(shadow?.disagreements, { open: 2, production_right: 0, candidate_right: 1, neither: 1, cannot_tell: 1 });
});

test('the bound holds when many are told of at the same moment', async () => {
  const left = await disagreements('state=open');
  assert.equal(left.length, 2);
  const cause = { actor: { subject: 'system', name: 'disposition', kind: 'system' as const }, requestId: null, traceId: '0'.repeat(32) };
  const ask = ({ id, role, ...about }: Disagreement) =>
    floor.door.change<DispositionTables, null>(cause, async (tx) => {
      await askWhoIsRight(tx, { ...about, disagreement_id: id, role, calls_differ: 96 }, 1);
      return { result: null, events: [], audit: [] };
    });
  await Promise.all([...left, ...left].map(ask));
  const [item, ...more] = await queue();
  assert.equal(more.length, 0);
  assert.equal((await settle(item?.disagreement?.id, 'production')).status, 200);
  await floor.quiet();
  assert.deepEqual(await queue(), []);
});

test('what was settled, or is told of twice, asks nobody; an inspection stands there once however many versions disagree', async () => {
  const before = (await queue()).length;
  assert.equal(before, 0);
  const [board] = await judged([unsure]);
  await compared([String(board)], 2);
  assert.deepEqual(
    (await queue()).map(({ inspection }) => inspection.id),
    [board],
  );
  const again = { ...(await floor.events('model.disagreed', String(board)))[0] };
  const { event_id, ...event } = again as { event_id: string };
  const twice = uuidv7();
  // The same said in a new event, as a redrive after a repair may do it.
  await floor.rows(
    `insert into platform.outbox (topic, partition, key, event_id, occurred_at, event)
     select topic, partition, key, $2, occurred_at, $3 from platform.outbox where event_id = $1`,
    [event_id, twice, JSON.stringify({ ...event, event_id: twice })],
  );
  await floor.quiet();
  assert.equal((await queue()).length, 1);
  await stage(2, 'retired');
  await stage(3, 'shadow');
  const [other] = await judged([unsure]);
  await compared([String(other)], 3);
  await floor.quiet();
  assert.deepEqual(
    (await queue()).map(({ inspection, disagreement }) => [inspection.id, disagreement?.candidate_version]),
    [[other, 3]],
    'the looks of a version that is tried no more are taken back',
  );
  assert.ok((await disagreements('state=open&version=2')).some(({ inspection_id }) => inspection_id === board));
});
