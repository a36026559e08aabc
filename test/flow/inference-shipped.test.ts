import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { drawBoard } from '../support/boards.ts';
import { openFloor } from '../support/floor.ts';

test('the shipped model judges boards of 640 x 640 without holding up the event loop that answers stations', async (t) => {
  const floor = await openFloor(t, { modelsDir: fileURLToPath(new URL('../../models', import.meta.url)) });
  const size = { width: 640, height: 640 };
  const template = await drawBoard(size);
  // A track that is cut, and two that are joined.
  const bad = await drawBoard(size, {
    lost: [{ x: 128, y: 300, width: 16, height: 12 }],
    gained: [{ x: 336, y: 200, width: 16, height: 10 }],
  });
  await floor.assign('LOT-2025-001', { template });
  const ids = [];
  for (let count = 0; count < 24; count += 1) ids.push(await floor.create());
  for (const [at, id] of ids.entries()) await floor.upload('station', id, 'image', at % 2 ? bad : template);
  // The thread's own time: what it waits for a core that others use is not its work.
  const spent = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  const gaps: number[] = [];
  let last = spent();
  const timer = setInterval(() => {
    const now = spent();
    gaps.push(now - last);
    last = now;
  }, 2);
  for (const [at, id] of ids.entries()) {
    const { verdict, reason } = await floor.settled(id);
    assert.equal(verdict, at % 2 ? 'fail' : 'pass', String(reason));
  }
  const judges = await floor.rows('select distinct model, version, decides from inference.run');
  assert.deepEqual(judges, [{ model: 'pcb-pair-synth', version: 2, decides: true }], 'on a new database the newest version judges');
  clearInterval(timer);
  const blocked = gaps.filter((gap) => gap > 50).length;
  assert.ok(blocked <= gaps.length / 100 + 2, `${blocked} of ${gaps.length} turns of the event loop took more than 50 ms`);
});
