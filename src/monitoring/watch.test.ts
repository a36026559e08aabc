import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cusumStep, signalOf } from './cusum.ts';
import { BASELINE_CALLS, type FalseCalls, newFalseCalls, recentRate, stepFalseCalls } from './false-calls.ts';
import type { Seen } from './features.ts';
import { normalScore } from './scores.ts';
import { currentOf, type Finding, forgive, mixOf, newWatch, TERMS, type Watch, watchBoard } from './watch.ts';

/** Seeded numbers from 0 to 1 (mulberry32), and normal ones. */
function numbers(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return { next, normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()) };
}

/** Boards of a station: `A` and `B` are products with other figures by nature. */
function station(seed: number) {
  const random = numbers(seed);
  return (reference: string, more: { stretch?: number; copper?: number } = {}): Seen => ({
    at: '2025-11-25T08:00:00.000Z',
    reference,
    values: {
      copper_fraction: (reference === 'A' ? 0.2 : 0.8) + 0.01 * random.normal() + (more.copper ?? 0),
      shift: Math.abs(random.normal()),
      residual: Math.exp(random.normal() * 0.5 + (reference === 'A' ? -5 : -4)),
      stretch: Math.abs(0.6 * random.normal()) + (more.stretch ?? 0),
      sharpness: 1,
      best_score: random.next() < 0.8 ? 0 : random.next(),
      calls: random.next() < 0.8 ? 0 : 1,
    },
  });
}
function play(watch: Watch, boards: readonly Seen[]): { at: number; finding: Finding }[] {
  return boards.flatMap((seen, at) => watchBoard(watch, seen, 200).map((finding) => ({ at, finding })));
}
const lots = (of: ReturnType<typeof station>, count: number, more = {}) =>
  Array.from({ length: count }, (_, at) => of(Math.floor(at / 25) % 2 === 0 ? 'A' : 'B', more));

test('the sums are those of Page: the strict limit, both sides, never below zero', () => {
  const values = [1, 2, -1, 0.4, 3, -4];
  const up: number[] = [];
  let now = { up: 0, down: 0 };
  for (const z of values) {
    now = cusumStep(now, z, { k: 0.5, h: 4 });
    up.push(Number(now.up.toFixed(6)));
  }
  assert.deepEqual(up, [0.5, 2, 0.5, 0.4, 2.9, 0]);
  assert.deepEqual([signalOf({ up: 4, down: 0 }, { k: 0.5, h: 4 }), signalOf({ up: 0, down: 4.1 }, { k: 0.5, h: 4 })], [null, 'down']);
  fc.assert(
    fc.property(fc.array(fc.double({ min: -6, max: 6, noNaN: true }), { maxLength: 200 }), (zs) => {
      let [one, mirrored] = [
        { up: 0, down: 0 },
        { up: 0, down: 0 },
      ];
      for (const z of zs) {
        one = cusumStep(one, z, TERMS);
        mirrored = cusumStep(mirrored, -z, TERMS);
        assert.ok(one.up >= 0 && one.down >= 0);
      }
      assert.deepEqual([one.up, one.down], [mirrored.down, mirrored.up]);
    }),
  );
});

test('a rank as a normal value: any distribution, ties at the middle of their ranks, bounded by what the baseline held', () => {
  const sorted = Array.from({ length: 199 }, (_, at) => Math.exp(at / 10));
  assert.ok(Math.abs(normalScore(sorted, Math.exp(9.9))) < 1e-9);
  assert.ok(normalScore(sorted, 1e30) < 2.9 && normalScore(sorted, -1) > -2.9);
  assert.equal(normalScore(new Array(200).fill(1), 1), 0);
  fc.assert(
    fc.property(fc.double({ min: 0.1, max: 1e8, noNaN: true }), fc.double({ min: 0.1, max: 1e8, noNaN: true }), (one, other) => {
      assert.ok(
        one <= other === normalScore(sorted, one) <= normalScore(sorted, other) || normalScore(sorted, one) === normalScore(sorted, other),
      );
    }),
  );
});

test('in-control runs are long: of 40 learnt baselines none gives a false alarm within 2,000 boards, and a shift of a sigma takes some thirty', () => {
  let [alarms, delays] = [0, 0];
  for (let run = 0; run < 40; run += 1) {
    const { normal } = numbers(run + 1);
    const sorted = Array.from({ length: 200 }, normal).sort((one, other) => one - other);
    const first = (shift: number, most: number) => {
      let now = { up: 0, down: 0 };
      for (let board = 1; board <= most; board += 1) {
        now = cusumStep(now, normalScore(sorted, normal() + shift), TERMS);
        if (signalOf(now, TERMS)) return board;
      }
      return null;
    };
    if (first(0, 2000) !== null) alarms += 1;
    delays += first(1, 2000) ?? 2000;
  }
  assert.equal(alarms, 0);
  assert.ok(delays / 40 < 45, `${delays / 40}`);
});

test('a change of product is no drift, nor is one that was never seen: it is learnt from its first boards', () => {
  const of = station(11);
  const watch = newWatch();
  assert.deepEqual(play(watch, lots(of, 200)), [], 'the baseline is learnt');
  assert.ok(watch.baseline && Object.keys(watch.baseline.normals).length === 2);
  assert.deepEqual(
    play(
      watch,
      Array.from({ length: 150 }, () => of('B')),
    ),
    [],
  );
  assert.deepEqual(
    play(
      watch,
      Array.from({ length: 150 }, () => of('C')),
    ),
    [],
  );
  assert.deepEqual(Object.keys(watch.state.normals), ['A', 'B', 'C']);
});

test('a drift of one feature is named by that feature; mended, it begins again; what was kept as JSON goes on alike', () => {
  const of = station(12);
  const watch = newWatch();
  play(watch, lots(of, 300));
  const kept = JSON.parse(JSON.stringify(watch)) as Watch;
  const drifting = lots(of, 60, { stretch: 1 });
  const found = play(watch, drifting);
  assert.deepEqual([...new Set(found.map(({ finding }) => `${finding.feature} ${finding.direction}`))], ['stretch up']);
  assert.ok((found[0]?.at ?? 99) < 40);
  assert.deepEqual(play(kept, drifting), found);
  forgive(watch, { detector: 'cusum', feature: 'stretch' });
  assert.deepEqual(play(watch, lots(of, 60)), []);
  const less = play(watch, lots(of, 60, { copper: -0.05 }));
  assert.deepEqual([...new Set(less.map(({ finding }) => `${finding.feature} ${finding.direction}`))], ['copper_fraction down']);
});

test('windows hold every board once, and what a model answers is compared only while the products are the same', () => {
  const of = station(13);
  const watch = newWatch();
  play(watch, lots(of, 200));
  play(watch, lots(of, 150));
  const current = currentOf(watch.state);
  assert.equal(current.n, 150);
  for (const bins of Object.values(current.bins))
    assert.equal(
      bins.reduce((sum, each) => sum + each, 0),
      150,
    );
  play(watch, lots(of, 50));
  const silent = (seen: Seen): Seen => ({ ...seen, values: { ...seen.values, best_score: 0.9, calls: 3 } });
  const others = play(
    watch,
    Array.from({ length: 200 }, () => silent(of('A'))),
  );
  assert.deepEqual(others, [], 'one product alone');
  const same = play(watch, lots(of, 300).map(silent));
  assert.deepEqual([...new Set(same.map(({ finding }) => `${finding.detector} ${finding.feature}`))].sort(), [
    'psi best_score',
    'psi calls',
  ]);
});

/** A station that runs twenty products as they come; what a model says of a board hangs on its product. */
function mixed(seed: number) {
  const random = numbers(seed);
  return (more: { worse?: boolean; favours?: number } = {}): Seen => {
    const product = random.next() < (more.favours ?? 0) ? Math.floor(4 * random.next()) : Math.floor(20 * random.next());
    const called = random.next() < (more.worse ? 0.9 : product / 40);
    const values = { shift: Math.abs(random.normal()), best_score: called ? 0.5 + random.next() / 2 : 0, calls: called ? 1 : 0 };
    return { at: '2025-11-25T08:00:00.000Z', reference: `P${product}`, values };
  };
}
const boards = (of: ReturnType<typeof mixed>, count: number, more = {}) => Array.from({ length: count }, () => of(more));

test('twenty products at random: another behaviour of the model is found, and in 40 stations of 2,000 boards no window is a false alarm', () => {
  let found = 0;
  for (let seed = 1; seed <= 40; seed += 1) {
    const of = mixed(seed);
    const watch = newWatch();
    const early = play(watch, boards(of, 2200)).filter(({ finding }) => finding.detector === 'psi');
    assert.deepEqual(early, [], `station ${seed}`);
    const late = play(watch, boards(of, 400, { worse: true })).filter(({ finding }) => finding.detector === 'psi');
    if (['best_score', 'calls'].every((name) => late.some(({ finding }) => finding.feature === name))) found += 1;
  }
  assert.equal(found, 40);
});

test('another mix of twenty products is told and gives no alarm, though what the model says hangs on the product', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const of = mixed(seed);
    const watch = newWatch();
    play(watch, boards(of, 350));
    const same = mixOf(watch);
    assert.ok(same && same.value < same.limit, `${same?.value}`);
    for (const favours of [0.2, 0.4, 0.8])
      assert.deepEqual(
        play(watch, boards(of, 400, { favours })).filter(({ finding }) => finding.detector === 'psi'),
        [],
        `station ${seed}, ${favours}`,
      );
    play(watch, boards(of, 50, { favours: 0.8 }));
    const other = mixOf(watch);
    assert.ok(other && other.value > other.limit);
  }
  assert.equal(mixOf(newWatch()), null);
});

test('features that are missing, or come late, are left out and break nothing', () => {
  const watch = newWatch();
  for (let board = 0; board < 400; board += 1)
    assert.deepEqual(watchBoard(watch, { at: '2025-11-25T08:00:00Z', reference: '', values: { calls: 0, best_score: 0 } }, 200), []);
  assert.deepEqual(Object.keys(watch.baseline?.features ?? {}).sort(), ['best_score', 'calls']);
});

test('false calls: the usual share is no alarm in thousands of reviews, twice its odds is one within some hundred', () => {
  const { next } = numbers(3);
  for (let run = 0; run < 20; run += 1) {
    const state = newFalseCalls();
    for (let call = 0; call < BASELINE_CALLS; call += 1) assert.equal(stepFalseCalls(state, next() < 0.1), false);
    for (let call = 0; call < 1000; call += 1) assert.equal(stepFalseCalls(state, next() < 0.1), false, `run ${run}, call ${call}`);
    let late = 0;
    while (!stepFalseCalls(state, next() < 0.5)) late += 1;
    assert.ok(late < 100, `${late}`);
  }
});

test('false calls: what is told is the share since they began to rise, not that of the whole life; kept without it, it is counted from there on', () => {
  const { next } = numbers(5);
  const state = newFalseCalls();
  for (let call = 0; call < 5100; call += 1) assert.equal(stepFalseCalls(state, next() < 0.1), false);
  assert.equal(state.sum === 0, recentRate(state) === null);
  const { since: _, ...before } = structuredClone(state);
  const old: FalseCalls = { ...before, sum: 0 };
  for (const each of [state, old]) {
    while (!stepFalseCalls(each, next() < 0.4));
    const rate = recentRate(each) ?? 0;
    assert.ok(rate > 0.3 && rate < 0.6, `${rate}`);
    assert.ok(each.rejected / each.reviewed < 0.12, 'of the whole life');
    forgive({ ...newWatch(), state: { ...newWatch().state, falseCalls: each } }, { detector: 'false_calls', feature: null });
    assert.deepEqual([each.sum, recentRate(each)], [0, null]);
  }
});

/** What was kept as jsonb and read again: keys by their length, then by their bytes. */
function kept<T>(value: T): T {
  if (Array.isArray(value)) return value.map(kept) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  entries.sort(([one], [other]) => one.length - other.length || (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, kept(each)])) as T;
}

test('many products: the one that is on the line keeps what was learnt of it, wherever its key stands, and so does the baseline', () => {
  const of = station(14);
  let watch = newWatch();
  const see = (reference: string, boards: number) => {
    for (let board = 0; board < boards; board += 1) {
      watch = kept(watch);
      watchBoard(watch, of(reference), 200);
    }
  };
  play(watch, lots(of, 200));
  const names = Array.from({ length: 80 }, (_, at) => `P${String(at).padStart(3, '0')}`);
  // The first of all keys but the baseline's: what was learnt first and stays in use.
  for (const name of names.slice(1)) {
    see('P000', 3);
    see(name, 20);
  }
  const known = Object.keys(watch.state.normals);
  assert.ok(known.includes('P000') && known.includes('A') && known.includes('B') && known.includes('P079'));
  assert.equal(known.length, 64 + 2);
  // Products that come one board at a time: the newest sorts first, and is learnt all the same.
  for (const name of names.map((each) => each.replace('P', 'Z'))) see(name, 1);
  assert.ok(Object.keys(watch.state.fresh).length <= 64);
  see('C', 20);
  assert.ok('C' in watch.state.normals);
});
