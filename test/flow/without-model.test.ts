import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlatformEvent } from '../../src/contracts/events.ts';
import { drawBoard } from '../support/boards.ts';
import { openFloor, until } from '../support/floor.ts';

const good = await drawBoard();

test('boards for which no process has a model wait for a person, and are left alone while one judges', async (t) => {
  const bare = await openFloor(t, { model: false, noModelMs: 1000 });
  await bare.assign('LOT-2025-001', { template: good });
  const board = async () => {
    const id = await bare.create('visual', { lot_id: 'LOT-2025-001' });
    await bare.upload('station', id, 'image', good);
    return id;
  };
  const [first] = await Promise.all([board(), board()]);
  const waiting = await bare.settled(first);
  assert.deepEqual([waiting.status, waiting.reason], ['awaiting_review', 'model_failed']);
  const [failed] = await bare.events('inference.failed', first);
  assert.match((failed as PlatformEvent<'inference.failed'>).payload.detail, /^no version of pcb-pair-synth in MODELS_DIR/);

  await bare.quiet();
  await openFloor(t, { beside: bare });
  const judged = await bare.settled(await board());
  assert.equal(judged.verdict, 'pass', 'a process with the model came');
});

test('a version in production whose bytes are gone is told, and its boards wait for a person', async (t) => {
  const floor = await openFloor(t, { noModelMs: 1000 });
  await floor.assign('LOT-2025-002', { template: good });
  await floor.rows(`update inference.model_version set stage = 'draft'`);
  await floor.rows(`insert into inference.model_version (model, version, stage, sha256, manifest)
    select model, 7, 'production', sha256, manifest from inference.model_version`);
  const id = await floor.create('visual', { lot_id: 'LOT-2025-002' });
  await floor.upload('station', id, 'image', good);
  const failed = await until('a word of it', async () => (await floor.events('inference.failed', id))[0]);
  const { detail } = (failed as PlatformEvent<'inference.failed'>).payload;
  assert.match(detail, /^pcb-pair-synth version 7 is in production and not in MODELS_DIR/);
  assert.equal((await floor.settled(id)).status, 'awaiting_review');

  const again = await floor.call('engineer', 'POST', `/v1/inspections/${id}/infer`, { version: 7 });
  assert.equal(again.status, 202);
  assert.equal((await floor.inspection(id)).status, 'in_progress');
  assert.equal((await floor.settled(id)).status, 'awaiting_review', 'it does not stay with a model that nobody has');
});

test('a run for which somebody named a version whose bytes are gone ends, and its board waits for a person', async (t) => {
  const floor = await openFloor(t, { noModelMs: 1000 });
  await floor.assign('LOT-2025-003', { template: good });
  await floor.rows(`insert into inference.model_version (model, version, stage, sha256, manifest)
    select model, 7, 'retired', sha256, manifest from inference.model_version`);
  const id = await floor.create('visual', { lot_id: 'LOT-2025-003' });
  await floor.upload('station', id, 'image', good);
  assert.equal((await floor.settled(id)).verdict, 'pass');
  const asked = await floor.call('engineer', 'POST', `/v1/inspections/${id}/infer`, { version: 7 });
  assert.equal(asked.status, 202);
  const ended = await until('the end of the run', async () => {
    const { body } = await floor.call('engineer', 'GET', `/v1/operations/${asked.body.operation_id}`);
    return body.status === 'failed' && body;
  });
  assert.match(JSON.stringify(ended), /pcb-pair-synth version 7 was asked for and is not in MODELS_DIR/);
});
