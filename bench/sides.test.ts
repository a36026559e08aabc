import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkExactly, Incorrect, judgeRows } from './exact-check.ts';
import { onGround } from './ground.ts';
import { findPython } from './peers/python-home.ts';
import { runOnce } from './rounds.ts';
import { startOurs } from './sides/ours.ts';
import { PEER_NAMES, startPeer } from './sides/peers.ts';
import type { Side } from './sides/side.ts';

const linux = process.platform === 'linux';
const POSTS = 100;
const LOAD = { connections: 8, seconds: 0.5, warmup: 0.2, cores: 2 };

test('rows that are missing or too many are told', () => {
  const side = { name: 'some' } as Side;
  judgeRows(side, [10, 10], [15, 15], 5);
  judgeRows(side, undefined, undefined, 5);
  assert.throws(() => judgeRows(side, [10, 10], [15, 14], 5), Incorrect);
  assert.throws(() => judgeRows(side, [0], [6], 5), Incorrect);
});

test('ours passes the exact check of the bench, and a load counts every row', { skip: !linux && 'reads /proc' }, async () => {
  await onGround(async ({ add, database, folder }) => {
    const ours = add(await startOurs(database, folder));
    await checkExactly(ours, database, POSTS);
    const run = await runOnce(ours, database, LOAD);
    assert.ok(run.requests_s > 0 && run.cpu_us > 0 && run.postgres_cpu_us > 0);
    // A ledger that counts wrong must not pass.
    const { ledger } = ours;
    assert.ok(ledger);
    await assert.rejects(
      checkExactly({ ...ours, ledger: { ...ledger, joined: 'select count($1::uuid[])::int as n' } }, database, 10),
      Incorrect,
    );
  });
});

test('every peer passes the exact check', { skip: (!linux || !process.env.TEST_PYTHON) && 'TEST_PYTHON is not set' }, async () => {
  const python = findPython();
  assert.ok('program' in python, 'lacks' in python ? python.lacks : '');
  await onGround(async ({ add, database, folder }) => {
    for (const name of PEER_NAMES) await checkExactly(add(await startPeer(name, python, database, folder)), database, POSTS);
  });
});
