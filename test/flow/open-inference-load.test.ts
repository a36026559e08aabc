import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinBody } from '../../src/inference/protocol/binary-tensors.ts';
import { drawBoard } from '../support/boards.ts';
import { type Floor, openFloor, until } from '../support/floor.ts';

const MODEL = 'pcb-pair-synth';
const CLIENTS = 24;
const INSPECTIONS = 6;
const SIDE = 1024;

const median = (values: number[]): number => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;

interface Timings {
  /** Milliseconds that its model run took, waiting for a thread included; and all from the claim to the end. */
  infer: number;
  total: number;
}

/** The medians of some inspections, one after the other. */
async function judged(floor: Floor, picture: Buffer): Promise<Timings> {
  const took: Timings[] = [];
  for (let count = 0; count < INSPECTIONS; count += 1) {
    const id = await floor.create();
    await floor.upload('station', id, 'image', picture);
    const { verdict, reason } = await floor.settled(id);
    assert.equal(verdict, 'pass', String(reason));
    const [run] = await floor.rows<{ timings_ms: Timings }>('select timings_ms from inference.run where inspection_id = $1', [id]);
    took.push(run?.timings_ms ?? assert.fail());
  }
  return { infer: median(took.map(({ infer }) => infer)), total: median(took.map(({ total }) => total)) };
}

test('clients of /v2 that never stop make a judging run wait for a board, not for its turn among them', {
  timeout: 180_000,
}, async (t) => {
  const floor = await openFloor(t);
  await until('a ready model', async () => (await floor.call('admin', 'GET', '/v2/health/ready')).status === 200);
  const picture = await drawBoard({ width: 640, height: 640 });
  await floor.assign('LOT-2025-001', { template: picture });
  const alone = await judged(floor, picture);

  const { body, headLength } = joinBody(
    // 1 goes first among those of /v2, and still after every run that judges.
    { parameters: { binary_data_output: true, priority: 1 } },
    'inputs',
    { pair: { type: 'uint8', dims: [1, 2, SIDE, SIDE], data: new Uint8Array(2 * SIDE ** 2) } },
  );
  const headers = { authorization: 'Bearer admin', 'inference-header-content-length': String(headLength) };
  const statuses: number[] = [];
  let flooding = true;
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (flooding) {
      const { statusCode } = await floor.app.inject({ method: 'POST', url: `/v2/models/${MODEL}/infer`, headers, payload: body });
      statuses.push(statusCode);
    }
  });
  await until('a queue', async () => statuses.length >= CLIENTS, 60_000);
  const among = await judged(floor, picture);
  flooding = false;
  await Promise.all(clients);

  const stats = (await floor.call('admin', 'GET', `/v2/models/${MODEL}/stats`)).body.model_stats as {
    inference_stats: Record<'compute_infer' | 'queue', { count: number; ns: number }>;
  }[];
  const { compute_infer, queue } = stats[0]?.inference_stats ?? assert.fail();
  const board = compute_infer.ns / compute_infer.count / 1e6;
  const [total, infer] = (['total', 'infer'] as const).map(
    (part) => `${alone[part].toFixed(0)} ms alone, ${among[part].toFixed(0)} ms among them`,
  );
  t.diagnostic(
    `${CLIENTS} clients, ${statuses.length} boards of ${board.toFixed(0)} ms that wait ${(queue.ns / queue.count / 1e6).toFixed(0)} ms; a judging run: model ${infer}; in all ${total}`,
  );
  assert.ok(statuses.every((status) => status === 200));
  assert.ok(among.infer < alone.infer + 4 * board, `its model run: ${infer}; a board of theirs ${board} ms`);
  // In turn it would wait for all clients twice: to decode and to run.
  assert.ok(among.total < alone.total + CLIENTS * board, `all of it: ${total}; a board of theirs ${board} ms`);
});
