import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSeal, SealBroken, secretOf } from './sealing.ts';

test('what is sealed opens with the same secret and name only, and not when a byte was changed', () => {
  const seal = createSeal('a secret');
  const closed = seal.close('key', 'plain text');
  assert.equal(seal.open('key', closed), 'plain text');
  assert.equal(closed.includes('plain'), false);
  assert.notEqual(seal.close('key', 'plain text'), closed);
  assert.throws(() => seal.open('another', closed), SealBroken);
  assert.throws(() => createSeal('another secret').open('key', closed), SealBroken);
  const middle = Math.floor(closed.length / 2);
  const changed = closed.slice(0, middle) + (closed[middle] === 'A' ? 'B' : 'A') + closed.slice(middle + 1);
  assert.throws(() => seal.open('key', changed), SealBroken);
  for (const broken of ['', 'v1', 'v1.', 'v2.AAAA', 'v1.AAAA']) assert.throws(() => seal.open('key', broken), SealBroken, broken);
});

test('the secret of a data directory is made once, for the owner alone, also when two start together', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-secret-'));
  t.after(() => rm(folder, { recursive: true }));
  const found = await Promise.all([secretOf(folder), secretOf(folder)]);
  assert.ok((found[0]?.length ?? 0) >= 43);
  assert.equal(new Set(found).size, 1);
  assert.deepEqual(await readdir(folder), ['identity-secret']);
  assert.equal(await secretOf(folder), found[0]);
  assert.equal((await stat(join(folder, 'identity-secret'))).mode & 0o777, 0o600);
});

test('nobody sees the file of a secret before all of it is there', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-secret-'));
  t.after(() => rm(folder, { recursive: true }));
  for (let round = 0; round < 50; round += 1) {
    const place = join(folder, String(round));
    let made = '';
    void secretOf(place).then((secret) => {
      made = secret;
    });
    while (made === '') {
      await new Promise((resolve) => setImmediate(resolve));
      const seen = statSync(join(place, 'identity-secret'), { throwIfNoEntry: false });
      assert.ok(seen === undefined || seen.size > 40, `${seen?.size} bytes`);
    }
  }
});
