import assert from 'node:assert/strict';
import { test } from 'node:test';
import { difference } from './difference.ts';
import { IDENTITY, laidUnder, register } from './registration.ts';

const SIDE = 320;

/** Tracks that run down, then aside, and some pads: as on a board, most of it says something of one direction only. */
function board(): Uint8Array {
  return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
    const x = i % SIDE;
    const y = Math.floor(i / SIDE);
    const tracks = y < 180 ? x % 24 < 8 && x < 260 : (x + y) % 30 < 9 && x < 260;
    const pad = (x - 290) ** 2 + ((y % 64) - 32) ** 2 < 15 ** 2;
    return tracks || pad ? 1 : 0;
  });
}

test('a board that lies turned and shifted is brought back under its template', () => {
  const golden = board();
  const turn = 0.012;
  const lies = { a: Math.cos(turn), b: -Math.sin(turn), c: Math.sin(turn), d: Math.cos(turn), e: 3.4, f: -4.2 };
  const seen = laidUnder(golden, SIDE, SIDE, lies);
  const found = register(seen, golden, SIDE, SIDE);
  for (const [x, y] of [
    [10, 10],
    [300, 20],
    [160, 160],
    [20, 300],
    [300, 300],
  ] as const) {
    const off = Math.hypot(
      (found.a - lies.a) * x + (found.b - lies.b) * y + found.e - lies.e,
      (found.c - lies.c) * x + (found.d - lies.d) * y + found.f - lies.f,
    );
    assert.ok(off < 1, `${off} px off at ${x},${y}`);
  }
  const differs = difference(seen, laidUnder(golden, SIDE, SIDE, found), SIDE, SIDE);
  assert.ok(differs.filter((cell) => cell > 0).length < 30);
});

test('a defect does not pull the board, and stays to be seen', () => {
  const golden = board();
  const seen = golden.map((cell, i) =>
    i % SIDE > 100 && i % SIDE < 124 && Math.floor(i / SIDE) > 60 && Math.floor(i / SIDE) < 84 ? 1 : cell,
  );
  const found = register(seen, golden, SIDE, SIDE);
  assert.ok(Math.abs(found.e) < 0.3 && Math.abs(found.f) < 0.3);
  assert.ok(difference(seen, laidUnder(golden, SIDE, SIDE, found), SIDE, SIDE).some((cell) => cell === 1));
});

test('a blank picture says nothing: the template stays where it is', () => {
  assert.deepEqual(register(new Uint8Array(SIDE * SIDE), board(), SIDE, SIDE), IDENTITY);
});
