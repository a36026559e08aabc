import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProblemError } from '../platform/problem.ts';
import { createPasswords, foldUsername } from './passwords.ts';

test('a password fits its own hash in either Unicode spelling, and nobody’s never', async () => {
  const passwords = createPasswords();
  const stored = await passwords.hash('caf\u00e9-12345');
  assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.equal(await passwords.fits('cafe\u0301-12345', stored), true);
  assert.equal(await passwords.fits('cafe-12345', stored), false);
  assert.equal(await passwords.fits('caf\u00e9-12345', undefined), false);
  assert.equal(await passwords.fits('nobody has this password', undefined), false);
  assert.equal(await passwords.fits('x'.repeat(10_000), stored), false);
});

test('an unknown name takes as long as a known one', async () => {
  const passwords = createPasswords();
  const stored = await passwords.hash('secret');
  await passwords.fits('x', undefined);
  const time = async (hash: string | undefined) => {
    const began = performance.now();
    await passwords.fits('wrong', hash);
    return performance.now() - began;
  };
  // Others on the machine make a time longer, never shorter.
  let known = Number.POSITIVE_INFINITY;
  let unknown = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 8; round += 1) {
    known = Math.min(known, await time(stored));
    unknown = Math.min(unknown, await time(undefined));
  }
  assert.ok(unknown > known / 3 && unknown < known * 3, `${unknown} against ${known} ms`);
});

test('hashing is bounded: what cannot wait is told to come again', async () => {
  const passwords = createPasswords({ atOnce: 1, waiting: 2 });
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => passwords.hash('x')));
  const refused = results.filter((result) => result.status === 'rejected');
  assert.equal(refused.length, 3);
  for (const { reason } of refused as PromiseRejectedResult[]) assert.ok(reason instanceof ProblemError && reason.code === 'overloaded');
  await passwords.hash('x');
});

test('one person has one name, whatever its case and spelling', () => {
  assert.equal(foldUsername(' Engineer.HAMBURG '), 'engineer.hamburg');
  assert.equal(foldUsername('STRASSE'), foldUsername('straße'));
  assert.equal(foldUsername('ｅｎｇ'), 'eng');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (name) => {
      const folded = foldUsername(name);
      assert.equal(foldUsername(folded), folded);
      assert.equal(foldUsername(name.toUpperCase()), folded);
    }),
    { numRuns: 500 },
  );
});
