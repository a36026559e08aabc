import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCreationGate, type Leave } from './creations.ts';

/** A back room that does 4,000 a second, asked `rate` times a second for so long; answers what was let in, refused, and the longest line of the last second. */
function run(gate: ReturnType<typeof createCreationGate>, clock: { now: number; inside: Leave[] }, rate: number, seconds: number) {
  const { inside } = clock;
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
    for (const leave of inside.splice(0, 20)) leave(true);
    if (ms >= (seconds - 1) * 1000) line = Math.max(line, gate.inside);
  }
  return { admitted, refused, line };
}

test('a burst is let in whole; a load that stays too high gets, once that line is worked off, what is done in 60 ms; then it is over', () => {
  const clock = { now: 0, inside: [] };
  const gate = createCreationGate({ now: () => clock.now, burstMs: 5000 });
  const burst = run(gate, clock, 10_000, 1);
  assert.deepEqual([burst.admitted, burst.refused], [10_000, 0]);
  const calm = run(gate, clock, 2000, 5);
  assert.equal(calm.refused, 0);
  const overload = run(gate, clock, 40_000, 60);
  assert.ok(overload.refused > 600_000 && overload.line <= 0.07 * 4000, JSON.stringify(overload));
  assert.ok(overload.admitted >= 4000 * 60 * 0.9, 'as many are done as ever');
  const pause = run(gate, clock, 2000, 12);
  assert.equal(pause.refused, 0);
  assert.ok(run(gate, clock, 10_000, 1).refused > 5000, 'those who were refused come back, and are no burst');
  run(gate, clock, 2000, 20);
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

test('a back room in which each creation takes long is kept busy: the line is as long as that needs', () => {
  const clock = { now: 0 };
  const gate = createCreationGate({ now: () => clock.now, burstMs: 5000 });
  // 200 ms each, any number at once up to 800: 4,000 a second, of which 60 ms would be 240 and let through 1,200 a second.
  const inside: { until: number; leave: Leave }[] = [];
  let done = 0;
  for (let ms = 0; ms < 60_000; ms += 5) {
    clock.now += 5;
    while (inside[0] !== undefined && inside[0].until <= clock.now) {
      inside.shift()?.leave(true);
      // And one that was refused for its words, at once.
      gate.enter(1)?.();
      if (ms >= 30_000) done += 1;
    }
    for (let due = 0; due < 100; due += 1) {
      const leave = gate.enter(100);
      if (leave === null) continue;
      const before = inside.at(-800)?.until ?? 0;
      inside.push({ until: Math.max(clock.now, before) + 200, leave });
    }
  }
  assert.ok(done > 0.9 * 30 * 4000, `${done} in 30 s`);
});

test('one body alone is let in whatever its size, and what weighs nothing is not shut out by what does', () => {
  const gate = createCreationGate({ mostBytes: 1000 });
  assert.ok(gate.enter(5000));
  assert.equal(gate.enter(1), null);
  assert.ok(gate.enter(0));
});
