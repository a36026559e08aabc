import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { sweepInputs } from '../../src/intake/sweep-inputs.ts';
import { drawBoard } from '../support/boards.ts';
import { openFloor, until } from '../support/floor.ts';

/** Models run, and nothing takes their word: as it is in the moments between a run's end and its verdict. */
const floor = await openFloor({ after }, { disposition: false });
await floor.assign('LOT-2025-001', { template: await drawBoard() });
const bad = await drawBoard({}, { lost: [{ x: 0, y: 16, width: 8, height: 8 }] });

async function looked(): Promise<string> {
  const id = await floor.create();
  await floor.upload('station', id, 'image', bad);
  await until('the run', async () => (await floor.rows('select from inference.decided where inspection_id = $1', [id])).length === 1);
  return id;
}
const complete = (id: string) => floor.call('operator', 'POST', `/v1/inspections/${id}/complete`, { verdict: 'pass', reason: 'by eye' });
const sweep = () =>
  sweepInputs({ door: floor.door, metrics: floor.metrics, settings: { inputTimeoutMs: 60_000 } as never }, Date.now() + 61_000);

test('nobody judges by hand what a model has answered and nothing has applied yet, but for a word that nothing delivers', async () => {
  const id = await looked();
  const early = await complete(id);
  assert.deepEqual([early.status, /A model is at it/.test(String(early.body.detail))], [409, true]);
  assert.equal(await sweep(), 0);
  await floor.rows(`update inference.job set finished_at = finished_at - interval '6 minutes' where inspection_id = $1`, [id]);
  await floor.rows(`update intake.inspection set updated_at = updated_at - interval '7 minutes' where id = $1`, [id]);
  assert.equal(await sweep(), 0, 'its word may still come');
  assert.equal((await complete(id)).status, 200);
});

test('a board whose word nothing delivers for a day goes to a person', async () => {
  const id = await looked();
  await floor.rows(`update inference.job set finished_at = finished_at - interval '23 hours' where inspection_id = $1`, [id]);
  await floor.rows(`update intake.inspection set updated_at = updated_at - interval '25 hours' where id = $1`, [id]);
  assert.equal(await sweep(), 0);
  await floor.rows(`update inference.job set finished_at = finished_at - interval '2 hours' where inspection_id = $1`, [id]);
  assert.equal(await sweep(), 1);
  const { status, reason } = await floor.inspection(id);
  assert.deepEqual([status, reason], ['awaiting_review', 'input_timeout']);
});

test('a board that was taken out of the review, with findings that nobody reviewed, comes back to it', async () => {
  const id = await looked();
  await floor.rows(
    `insert into disposition.defect (id, inspection_id, site, class, proposed_class, severity, source) values (gen_random_uuid(), $1, 'hamburg', 'open', 'open', 'critical', 'model')`,
    [id],
  );
  await floor.rows(`select from intake.move_inspection($1, 'awaiting_review', null, 'uncertain')`, [id]);
  await floor.rows(`select from intake.move_inspection($1, 'in_progress', null, null)`, [id]);
  assert.equal(await sweep(), 1);
  const { status, reason } = await floor.inspection(id);
  assert.deepEqual([status, reason], ['awaiting_review', 'uncertain']);
});
