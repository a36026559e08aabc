import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openFloor } from '../support/floor.ts';

const floor = await openFloor({ after }, { model: false, inference: false, disposition: false });
/** More than any page, piece or bound of before. */
const MANY = 10_200;
const file = async (url: string) => {
  const { status, body } = await floor.call('engineer', 'GET', url, undefined, { accept: 'text/csv' });
  assert.equal(status, 200);
  const [header, ...lines] = String(body.text).trimEnd().split('\r\n');
  return { header, ids: lines.map((line) => line.split(',')[0]) };
};

test('all defects of an inspection are in its file', async () => {
  const id = await floor.create();
  await floor.rows(
    `insert into disposition.defect (id, inspection_id, site, class, proposed_class, severity, source)
     select gen_random_uuid(), $1, 'hamburg', 'open', 'open', 'critical', 'model' from generate_series(1, ${MANY})`,
    [id],
  );
  const { header, ids } = await file(`/v1/inspections/${id}/defects`);
  assert.equal(header, 'id,class,severity,score,x,y,width,height,characteristic,state,reviewed_by,reviewed_at');
  assert.deepEqual([ids.length, new Set(ids).size], [MANY, MANY]);
  assert.equal((await file(`/v1/inspections/${id}/defects?limit=3`)).ids.length, 3);
  assert.equal((await floor.call('engineer', 'GET', '/v1/inspections/nonsense/defects?cursor=x')).status, 422);
});

test('all that waits for a person is in the file of the queue', async () => {
  await floor.rows(
    `insert into intake.inspection (id, site, lot_id, chip_id, inspection_type, priority, attempt, status, reason, created_by, created_at, updated_at)
     select gen_random_uuid(), 'hamburg', 'LOT-2025-002', 'C-' || n, 'visual', 5, 1, 'awaiting_review', 'uncertain', 'test', now(), now()
     from generate_series(1, ${MANY}) n`,
  );
  const { header, ids } = await file('/v1/review-queue');
  assert.equal(header, 'inspection_id,site,lot_id,chip_id,inspection_type,why,severity_rank,waiting_since,kind');
  assert.deepEqual([ids.length, new Set(ids).size], [MANY, MANY]);
});

test('the policies as a file', async () => {
  assert.deepEqual(await file('/v1/policies'), { header: 'name,version,rules,created_at', ids: ['standard'] });
});
