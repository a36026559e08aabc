import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCreationGate } from './creations.ts';

/** A back room that does 400 a second, asked `rate` times a second for so long; answers what was let in, refused, and the longest line of the last second. */
function run(gate: ReturnType<typeof createCreationGate>, clock: { now: number }, rate: number, seconds: number) {
  const inside: (() => void)[] = [];
  let [admitted, refused, line] = [0, 0, 0];
  for (let ms = 0; ms < seconds * 1000; ms += 5) {
    clock.now += 5;
    for (let due = 0; due < (rate * 5) / 1000; due += 1) {
      const leave = gate.enter(100);
      if (leave === null) refused += 1;
      else {
        admitted += 1;
        inside.push(leave);
      }
    }
    for (const leave of inside.splice(0, 2)) leave();
    if (ms >= (seconds - 1) * 1000) line = Math.max(line, gate.inside);
  }
  for (const leave of inside) leave();
  return { admitted, refused, line };
}

test('a burst is let in whole; a load that stays too high gets, once that line is worked off, what is done in a quarter of a second; then it is over', () => {
  const clock = { now: 0 };
  const gate = createCreationGate({ now: () => clock.now, burstMs: 5000 });
  const burst = run(gate, clock, 10_000, 1);
  assert.deepEqual([burst.admitted, burst.refused], [10_000, 0]);
  const calm = run(gate, clock, 200, 5);
  assert.equal(calm.refused, 0);
  const overload = run(gate, clock, 4000, 60);
  assert.ok(overload.refused > 60_000 && overload.line <= 0.3 * 400, JSON.stringify(overload));
  assert.ok(overload.admitted >= 400 * 60 * 0.9, 'as many are done as ever');
  run(gate, clock, 200, 5);
  assert.equal(run(gate, clock, 10_000, 1).refused, 0, 'the next burst is taken whole again');
});

test('number and bytes are bounded whatever the time', () => {
  const gate = createCreationGate({ most: 2, mostBytes: 1000 });
  const leave = gate.enter(900);
  assert.equal(gate.enter(200), null);
  assert.ok(gate.enter(50));
  assert.equal(gate.enter(1), null);
  leave?.();
  assert.ok(gate.enter(500));
});
