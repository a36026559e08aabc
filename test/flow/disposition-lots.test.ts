import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Defect } from '../../src/contracts/defects.ts';
import type { Lot } from '../../src/contracts/masterdata.ts';
import { openFloor, type Who } from '../support/floor.ts';

const floor = await openFloor({ after }, { model: false });
const lotIds = (function* () {
  for (let number = 1; ; number += 1) yield `LOT-2025-${String(number).padStart(3, '0')}`;
})();
const nextLot = () => lotIds.next().value as string;

/** An electrical inspection that the limits judge: 5 passes, 50 fails. */
async function measure(lot_id: string, value: number, who: Who = 'station'): Promise<string> {
  const id = await floor.create('electrical', { lot_id }, who);
  await floor.call(who, 'POST', `/v1/inspections/${id}/measurements`, [{ characteristic: 'R1', value, unit: 'ohm', lsl: 1, usl: 10 }]);
  await floor.settled(id);
  return id;
}
const decide = (who: Who, lot: string, what: 'hold' | 'release', headers = {}, query = '') =>
  floor.call(who, 'POST', `/v1/lots/${lot}/${what}${query}`, { reason: `${what} it` }, headers);
const state = async (lot: string) =>
  (await floor.rows<{ state: string; reason: string; decided_by: string }>('select * from disposition.lot where lot_id = $1', [lot]))[0];

test('a person holds and releases a lot: shape, versions, events, refusals', async () => {
  const lot = nextLot();
  await measure(lot, 5);
  const held = await decide('manager', lot.toLowerCase(), 'hold');
  const body = held.body as unknown as Lot;
  assert.deepEqual(
    [
      held.status,
      body.lot_id,
      body.site,
      body.state,
      body.reason,
      body.decided_by,
      body.counts.pass,
      body.yield,
      body.version,
      held.headers.etag,
    ],
    [200, lot, 'hamburg', 'held', 'hold it', 'quality_manager@hamburg', 1, 1, 2, '"2"'],
  );
  const refused = async (...call: Parameters<typeof decide>) => {
    const { status, body: problem } = await decide(...call);
    return [status, (problem.error as { code: string } | undefined)?.code];
  };
  assert.deepEqual(await refused('manager', lot, 'hold'), [409, 'transition_not_allowed']);
  assert.deepEqual(await refused('manager', lot, 'release', { 'if-match': '"1"' }), [412, 'precondition_failed']);
  assert.deepEqual(await refused('engineer', lot, 'release'), [403, 'forbidden']);
  assert.deepEqual(await refused('machine', lot, 'release'), [403, 'person_required']);
  assert.deepEqual(await refused('machine', lot, 'hold'), [409, 'transition_not_allowed'], 'a machine may hold: it is held already');
  assert.deepEqual(await refused('foreigner', lot, 'release'), [404, 'not_found']);
  assert.deepEqual(await refused('manager', 'LOT-2099-999', 'hold'), [404, 'not_found']);
  assert.deepEqual(await refused('manager', lot, 'release', {}, '?site=penang'), [404, 'not_found']);
  assert.equal((await floor.call('manager', 'POST', `/v1/lots/${lot}/hold`, {})).status, 422);
  assert.equal((await floor.call('manager', 'POST', `/v1/lots/${lot}/hold?side=1`, { reason: 'x' })).status, 422);
  const released = await decide('manager', lot, 'release', { 'if-match': '"2"' });
  assert.deepEqual([released.status, released.body.state, released.body.version], [200, 'released', 3]);
  assert.deepEqual(await refused('manager', lot, 'release'), [409, 'transition_not_allowed']);
});

test('a caller of every site names the site where two have the lot', async () => {
  const lot = nextLot();
  await measure(lot, 5);
  await measure(lot, 5, 'stranger');
  const unclear = await decide('admin', lot, 'hold');
  assert.deepEqual([unclear.status, (unclear.body.error as { code: string }).code], [409, 'ambiguous_lot']);
  const clear = await decide('admin', lot, 'hold', {}, '?site=penang');
  assert.deepEqual([clear.status, clear.body.site, clear.body.state], [200, 'penang', 'held']);
});

test('a lot with a waiting inspection, or a fail that nobody has reviewed, is not released', async () => {
  const lot = nextLot();
  const waiting = await floor.create('electrical', { lot_id: lot });
  await floor.call('station', 'POST', `/v1/inspections/${waiting}/measurements`, [{ characteristic: 'X', value: 1, unit: 'V' }]);
  await floor.settled(waiting);
  const release = async () => {
    const { status, body } = await decide('manager', lot, 'release');
    return [status, (body.error as { code: string } | undefined)?.code, status === 409 ? String(body.detail).split(': ')[1] : undefined];
  };
  assert.deepEqual(await release(), [409, 'lot_not_releasable', '1 waiting for a person']);
  await floor.call('operator', 'POST', `/v1/inspections/${waiting}/complete`, { verdict: 'pass', reason: 'by eye' });
  const failed = await measure(lot, 50);
  assert.deepEqual(await release(), [409, 'lot_not_releasable', '1 failed with defects that nobody has reviewed']);
  const [defect] = (await floor.call('engineer', 'GET', `/v1/inspections/${failed}/defects`)).body.data as unknown as [Defect];
  await floor.call('engineer', 'POST', `/v1/defects/${defect.id}/review`, { decision: 'confirm' });
  await floor.rows(`update intake.inspection set status = 'in_progress', verdict = null, completed_at = null where id = $1`, [failed]);
  assert.deepEqual(await release(), [409, 'lot_not_releasable', '1 looked at again, with defects that nobody has rejected']);
  await floor.rows(`update intake.inspection set status = 'completed', verdict = 'fail', completed_at = now() where id = $1`, [failed]);
  assert.deepEqual(await release(), [200, undefined, undefined]);
});

test('the policy holds a lot once more than 30 % of at least 10 fail, once, and with its reason', async () => {
  const lot = nextLot();
  await Promise.all([...Array(6).fill(5), ...Array(3).fill(50)].map((value) => measure(lot, value)));
  assert.equal(await state(lot), undefined);
  await measure(lot, 5);
  assert.equal(await state(lot), undefined, '3 of 10 is not more than 30 %');
  await Promise.all(
    Array(4)
      .fill(50)
      .map((value) => measure(lot, value)),
  );
  const held = await state(lot);
  assert.deepEqual([held?.state, held?.decided_by], ['held', 'policy standard 1']);
  assert.match(held?.reason ?? '', /^4 of 11 judged inspections failed, more than 30 %; standard 1$/);
  await floor.quiet();
  const [{ n } = { n: 0 }] = await floor.rows<{ n: number }>(`select version as n from disposition.lot where lot_id = $1`, [lot]);
  assert.equal(n, 1);
});

test('held and released refuse no inspection; a fail in a released lot holds it again, a pass does not', async () => {
  const lot = nextLot();
  await measure(lot, 5);
  await decide('manager', lot, 'release');
  await measure(lot, 5);
  assert.equal((await state(lot))?.state, 'released');
  await measure(lot, 50);
  assert.equal((await state(lot))?.state, 'held');
  assert.match((await state(lot))?.reason ?? '', /after the release: 1 of 3/);
  await measure(lot, 5);
});

test('a verdict revised by review moves the tally, and to fail holds a released lot', async () => {
  const lot = nextLot();
  const failed = await measure(lot, 50);
  const [defect] = (await floor.call('engineer', 'GET', `/v1/inspections/${failed}/defects`)).body.data as unknown as [Defect];
  const review = (decision: string) => floor.call('engineer', 'POST', `/v1/defects/${defect.id}/review`, { decision });
  const tally = () => floor.rows('select judged, failed from disposition.lot_tally where lot_id = $1', [lot]);
  await review('reject');
  assert.deepEqual(await tally(), [{ judged: 1, failed: 0 }]);
  assert.equal((await decide('manager', lot, 'release')).status, 200);
  await review('confirm');
  assert.deepEqual(await tally(), [{ judged: 1, failed: 1 }]);
  assert.equal((await state(lot))?.state, 'held');
});
