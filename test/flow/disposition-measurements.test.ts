import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnyEvent } from '../../src/contracts/events.ts';
import { dispositionConsumer } from '../../src/disposition/consumer.ts';
import { uuidv7 } from '../../src/platform/id.ts';
import { openFloor, until } from '../support/floor.ts';

const floor = await openFloor({ after }, { model: false });
const LOT = 'LOT-2025-001';
await floor.assign(LOT, { limits: [{ characteristic: 'R1', unit: 'ohm', lsl: 1, usl: 10, target: 5 }] });

async function post(id: string, measurements: object[]): Promise<void> {
  const { status } = await floor.call('station', 'POST', `/v1/inspections/${id}/measurements`, measurements);
  assert.equal(status, 201);
}
async function measured(measurements: object[], type = 'electrical', lot_id = LOT) {
  const id = await floor.create(type, { lot_id, ...(type === 'thermal' ? { priority: 7 } : {}) });
  await post(id, measurements);
  return await floor.settled(id);
}
const R1 = { characteristic: 'R1', value: 5, unit: 'ohm' };

test('the limits of the lot judge every type but visual, the posted ones where it has none; the record says whose', async () => {
  for (const type of ['electrical', 'thermal', 'dimensional']) assert.equal((await measured([R1], type)).verdict, 'pass', type);
  const failed = await measured([
    { ...R1, value: 11, lsl: 0, usl: 100 },
    { characteristic: 'U2', value: 3, unit: 'V', usl: 3 },
  ]);
  assert.deepEqual([failed.verdict, failed.reason], ['fail', '1 of 2 values out of limits: R1; standard 1']);
  const { body } = await floor.call('station', 'GET', `/v1/inspections/${failed.id}?include=measurements,defects`);
  const shown = (body.measurements as Record<string, unknown>[]).map(({ characteristic, limits_from, in_limits }) => [
    characteristic,
    limits_from,
    in_limits,
  ]);
  assert.deepEqual(shown.sort(), [
    ['R1', 'revision', false],
    ['U2', 'posted', true],
  ]);
  const [defect] = body.defects as [Record<string, unknown>];
  assert.deepEqual(
    [defect.class, defect.box, defect.characteristic, defect.source, defect.severity],
    ['out_of_limits', null, 'R1', 'measurement', 'high'],
  );
});

test('what nobody has limits for, or is in another unit, waits for a person; new values settle it', async () => {
  assert.equal((await measured([{ ...R1, unit: 'kohm' }])).reason, 'no_limits');
  const waiting = await measured([{ characteristic: 'Z9', value: 1, unit: 'V' }]);
  assert.deepEqual([waiting.status, waiting.verdict, waiting.reason], ['awaiting_review', null, 'no_limits']);
  await post(waiting.id, [R1]);
  await floor.quiet();
  assert.equal((await floor.inspection(waiting.id)).status, 'awaiting_review', 'the first value is still without limits');
  await post(waiting.id, [{ ...R1, value: 99 }]);
  const judged = await until('the verdict', async () => {
    const inspection = await floor.inspection(waiting.id);
    return inspection.status === 'completed' && inspection;
  });
  assert.equal(judged.verdict, 'fail');
  assert.equal((await floor.rows('select from disposition.defect where inspection_id = $1', [waiting.id])).length, 1);
});

test('values that came before their lot had limits are judged by those that it is given', async () => {
  const lot = 'LOT-2025-002';
  const waits = async (value: object) => (await measured([{ ...R1, ...value }], 'electrical', lot)).id;
  const [within, out, lacking] = [await waits({}), await waits({ value: 99 }), await waits({ unit: 'kohm' })];
  await floor.assign(lot, { limits: [{ characteristic: 'R1', unit: 'ohm', lsl: 1, usl: 10, target: 5 }] });
  const verdict = (id: string) => until('the verdict', async () => (await floor.inspection(id)).verdict);
  assert.deepEqual([await verdict(within), await verdict(out)], ['pass', 'fail']);
  assert.deepEqual(
    [(await floor.inspection(lacking)).status, (await floor.events('inspection.judged', out)).length],
    ['awaiting_review', 1],
  );
  const { status } = await floor.call('operator', 'POST', `/v1/inspections/${lacking}/complete`, { verdict: 'pass', reason: 'looks well' });
  assert.equal(status, 200);
});

test('a rejected defect passes no unit of which another value was never judged', async () => {
  const failed = await measured([
    { ...R1, value: 99 },
    { characteristic: 'Z9', value: 1, unit: 'V' },
  ]);
  assert.equal(failed.verdict, 'fail');
  const [defect] = (await floor.call('manager', 'GET', `/v1/inspections/${failed.id}/defects`)).body.data as { id: string }[];
  const review = (decision: string) => floor.call('manager', 'POST', `/v1/defects/${defect?.id}/review`, { decision });
  assert.equal((await review('reject')).status, 200);
  const { verdict, reason } = await floor.inspection(failed.id);
  assert.deepEqual([verdict, reason], ['inconclusive', 'all defects rejected in review, other values have no limits; standard 1']);
  assert.equal((await review('confirm')).status, 200);
  assert.equal((await floor.inspection(failed.id)).verdict, 'fail');
});

test('values posted to a judged inspection judge nothing again', async () => {
  const { id } = await measured([R1]);
  const { status } = await floor.call('station', 'POST', `/v1/inspections/${id}/measurements`, [{ ...R1, value: 99 }]);
  assert.ok([201, 409].includes(status));
  await sleep(50);
  await floor.quiet();
  assert.equal((await floor.inspection(id)).verdict, 'pass');
  assert.equal((await floor.events('inspection.judged', id)).length, 1);
});

test('a verdict by hand waits for values that are being judged, not for those that nothing judges', async () => {
  const complete = (id: string) =>
    floor.call('operator', 'POST', `/v1/inspections/${id}/complete`, { verdict: 'pass', reason: 'looks well' });
  const id = await floor.create('electrical', { lot_id: LOT });
  const lacking = await floor.create('electrical', { lot_id: LOT });
  await floor.bus.stop();
  await post(id, [{ ...R1, value: 99 }]);
  await post(lacking, [{ characteristic: 'Z9', value: 1, unit: 'V' }]);
  const { status, body } = await complete(id);
  assert.deepEqual([status, /being judged/.test(String(body.detail))], [409, true]);
  assert.equal((await complete(lacking)).status, 200);
  await floor.bus.start();
  assert.equal((await floor.settled(id)).verdict, 'fail');
});

test('the same event twice, at the same time and by two names, is one verdict', async () => {
  const id = await floor.create('electrical', { lot_id: LOT });
  await floor.bus.stop();
  await post(id, [R1]);
  const consumer = dispositionConsumer({
    door: floor.door,
    metrics: floor.metrics,
    review: { auditShare: 0, auditSeed: '1', severityFrom: 'off', disagreements: 0, repeatShare: 0 },
  });
  const event = {
    event_id: uuidv7(),
    event_type: 'measurements.recorded',
    trace_id: 'b'.repeat(32),
    site: 'hamburg',
    payload: { inspection_id: id, lot_id: LOT, inspection_type: 'electrical', station_id: null, count: 1 },
  } as unknown as AnyEvent;
  const deliver = (eventId: string) =>
    consumer.handle(event, {
      attempt: 1,
      signal: new AbortController().signal,
      cause: {
        actor: { subject: 'system', name: 'disposition', kind: 'system' },
        requestId: null,
        traceId: 'b'.repeat(32),
        inbox: { group: 'disposition', eventId },
      },
    });
  const outcomes = await Promise.all([deliver(event.event_id), deliver(event.event_id), deliver(uuidv7()), deliver(uuidv7())]);
  assert.equal(outcomes.filter(({ kind }) => kind === 'drop').length, 2);
  const [counts] = await floor.rows(
    `select (select count(*)::int from disposition.judgement where inspection_id = $1) as verdicts,
            (select count(*)::int from disposition.measurement_judgement j join intake.measurement m on m.id = j.measurement_id where m.inspection_id = $1) as outcomes`,
    [id],
  );
  assert.deepEqual(counts, { verdicts: 1, outcomes: 1 });
});
