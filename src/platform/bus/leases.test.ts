import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { testDatabase } from '../../../test/support/database.ts';
import { balance, laneName, makePositions, savePositions } from './leases.ts';
import { ownerName } from './owner.ts';

const LEASE_MS = 60_000;

test('partitions are shared out fairly, and no two hold one at a time', async (t) => {
  const { db } = await testDatabase(t);
  await makePositions(db, 'g', ['quality.signals', 'audit.events']);
  await makePositions(db, 'g', ['quality.signals']);
  const [a, b, c] = [ownerName(), ownerName(), ownerName()];
  assert.equal((await balance(db, a, ['g'], LEASE_MS)).gained.length, 16);
  assert.equal((await balance(db, b, ['g'], LEASE_MS)).gained.length, 0);
  const { surplus } = await balance(db, a, ['g'], LEASE_MS);
  assert.equal(surplus.length, 8);
  const given = await savePositions(
    db,
    surplus.map((claim) => ({ ...claim, release: true })),
  );
  assert.equal(given.size, 8);
  const both = [b, c];
  const lanes = (await Promise.all(both.map((one) => balance(db, one, ['g'], LEASE_MS)))).flatMap(({ gained }) => gained);
  assert.equal(new Set(lanes.map(laneName)).size, lanes.length, 'none to both');
  // Two that want the same ones at the same moment: what is left goes at the next turn.
  for (const one of both) lanes.push(...(await balance(db, one, ['g'], LEASE_MS)).gained);
  assert.equal(lanes.length, 8, 'each free one to one of the two');
});

test('a position is saved under its generation only: who lost a partition cannot move it', async (t) => {
  const { db } = await testDatabase(t);
  await makePositions(db, 'g', ['quality.signals']);
  const [first] = (await balance(db, ownerName(), ['g'], LEASE_MS)).gained;
  assert.ok(first);
  await db.pool.query('delete from platform.bus_member');
  const taken = (await balance(db, ownerName(), ['g'], LEASE_MS)).gained.find((claim) => claim.partition === first.partition);
  assert.equal(taken?.generation, first.generation + 1);
  const late = { ...first, position: { xid: 99n, seq: 1 }, release: false };
  assert.equal((await savePositions(db, [late])).size, 0);
  assert.equal((await savePositions(db, [{ ...late, generation: taken?.generation ?? 0 }])).size, 1);
});

test('a process of this machine that is gone holds nothing until its lease ends', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, async (t) => {
  const { db } = await testDatabase(t);
  await makePositions(db, 'g', ['quality.signals']);
  const self = ownerName();
  const { pid } = spawnSync('true');
  const dead = { place: self.place, text: `${self.place}/${pid}/x` };
  const far = { place: 'elsewhere', text: `elsewhere/${process.pid}/x` };
  await balance(db, far, ['g'], LEASE_MS);
  assert.equal((await balance(db, self, ['g'], LEASE_MS)).gained.length, 0, 'of another machine nothing is known');
  await db.pool.query('update platform.bus_position set owner = $1', [dead.text]);
  await db.pool.query("update platform.bus_member set owner = $1 where owner like 'elsewhere%'", [dead.text]);
  assert.equal((await balance(db, self, ['g'], LEASE_MS)).gained.length, 8);
});

test('a lease that ends far in the future holds nothing: the clock of its server was set back after its owner died', async (t) => {
  const { db } = await testDatabase(t);
  await makePositions(db, 'g', ['quality.signals']);
  const far = { place: 'elsewhere', text: `elsewhere/${process.pid}/x` };
  await balance(db, far, ['g'], LEASE_MS);
  await db.pool.query("update platform.bus_member set lease_until = lease_until + interval '2 hours'");
  assert.equal((await balance(db, ownerName(), ['g'], LEASE_MS)).gained.length, 8);
});
