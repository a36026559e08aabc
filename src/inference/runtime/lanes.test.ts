import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { openLanes } from './lanes.ts';

test('never more at once than the lanes, highest priority first, of equals the earlier, and every place is given back', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 30 }),
      async (inFlight, priorities) => {
        const lanes = openLanes({ inFlight, waiting: 100 });
        const hold = await Promise.all(Array.from({ length: inFlight }, () => lanes.enter()));
        const order: [number, number][] = [];
        let at = 0;
        const runs = priorities.map(async (priority, index) => {
          const leave = await lanes.enter({ priority });
          order.push([priority, index]);
          at += 1;
          assert.ok(at <= inFlight);
          await Promise.resolve();
          at -= 1;
          leave();
          leave();
        });
        assert.equal(lanes.waiting, priorities.length);
        for (const leave of hold) leave();
        await Promise.all(runs);
        assert.deepEqual([lanes.inFlight, lanes.waiting], [0, 0]);
        const sorted = priorities.map((priority, index): [number, number] => [priority, index]).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
        assert.deepEqual(order, sorted);
      },
    ),
    { numRuns: 50 },
  );
});

test('the queue is bounded; who gave up leaves it, and takes no place later', async () => {
  const lanes = openLanes({ inFlight: 1, waiting: 1 });
  const leave = await lanes.enter();
  const gone = new AbortController();
  const given = assert.rejects(lanes.enter({ signal: gone.signal }), { name: 'RuntimeAway', message: /given up/ });
  await assert.rejects(lanes.enter(), { name: 'RuntimeAway', message: /1 runs are waiting/ });
  gone.abort();
  await given;
  await sleep(5);
  assert.equal(lanes.waiting, 0);
  const cleared = assert.rejects(lanes.enter(), { name: 'RuntimeAway', message: /closing/ });
  lanes.clear('closing');
  await cleared;
  leave();
  (await lanes.enter())();
  assert.equal(lanes.inFlight, 0);
});

test('a full queue sends the last of lower priority away for one of higher priority, and keeps its bound', async () => {
  const lanes = openLanes({ inFlight: 1, waiting: 2 });
  const leave = await lanes.enter();
  const order: string[] = [];
  const wait = (name: string, priority: number) =>
    lanes.enter({ priority }).then((out) => {
      order.push(name);
      out();
    });
  const first = wait('first', 1);
  const last = assert.rejects(wait('last', 1), { name: 'RuntimeAway', message: /higher priority came/ });
  const judging = wait('judging', 5);
  await last;
  await assert.rejects(wait('like the first', 1), { name: 'RuntimeAway', message: /2 runs are waiting already$/ });
  assert.equal(lanes.waiting, 2);
  leave();
  await Promise.all([first, judging]);
  assert.deepEqual(order, ['judging', 'first']);
});
