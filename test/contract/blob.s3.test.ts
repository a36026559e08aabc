import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Blobs } from '../../src/platform/blob/blobs.ts';
import { ProblemError } from '../../src/platform/problem.ts';
import { openLink } from '../support/link.ts';
import { openBucket, withoutS3 } from '../support/s3-bucket.ts';
import { stored } from '../support/stored.ts';
import { blobContract } from './blob.contract.ts';

const limit = 16 * 1024 * 1024;
/** Longest that any call may take, with some room for a busy machine. */
const MOST_MS = 15_000;
const isAway = (error: unknown) => error instanceof ProblemError && error.code === 'storage_unavailable' && error.retryAfter === 5;

if (!withoutS3) {
  blobContract(async () => {
    const bucket = await openBucket({ after });
    return { blobs: await bucket.blobs(), names: bucket.names };
  });
}

/** Everything that can be asked of a store, at once; each must say that it is away, in time. */
async function assertAway(blobs: Blobs, name: string): Promise<void> {
  const began = performance.now();
  await Promise.all([
    assert.rejects(stored(blobs, Readable.from([randomBytes(1000)]), { limit }), isAway, 'put'),
    assert.rejects(blobs.stat(name), isAway, 'stat'),
    assert.rejects(buffer(blobs.read(name)), isAway, 'read'),
    assert.rejects(blobs.remove(name), isAway, 'remove'),
  ]);
  assert.ok(performance.now() - began < MOST_MS, `took ${performance.now() - began} ms`);
}

test('a store that is cut off or frozen is said to be away, within 8 s, and serves again when it is back', {
  skip: withoutS3,
}, async () => {
  const bucket = await openBucket({ after });
  const link = await openLink(bucket.port);
  after(() => link.close());
  const reasons: unknown[] = [];
  const blobs = await bucket.blobs({ port: link.port, log: (reason) => reasons.push(reason) });
  const bytes = randomBytes(8 * 1024 * 1024);
  const { sha256 } = await stored(blobs, Readable.from([bytes]), { limit });
  for (const harm of ['cut', 'swallow'] as const) {
    const half = blobs.read(sha256);
    await half.iterator({ destroyOnReturn: false }).next();
    link[harm]();
    await Promise.all([assertAway(blobs, sha256), assert.rejects(buffer(half), isAway, 'a read in the middle')]);
    assert.equal(await blobs.trouble(), 'S3 does not answer');
    link.heal();
    assert.deepEqual(await buffer(blobs.read(sha256)), bytes);
    for (const until = Date.now() + 15_000; (await blobs.trouble()) !== null && Date.now() < until; ) await pause(100);
    assert.equal(await blobs.trouble(), null);
  }
  assert.equal(reasons.length, 2, 'one line for each time that it went away');
  assert.deepEqual(await bucket.names(), [sha256], 'and nothing is left in the arrival folder');
});

test('a bucket that is not there is no blob that is missing', { skip: withoutS3 }, async () => {
  const bucket = await openBucket({ after });
  const blobs = await bucket.blobs({ bucket: 'nobody-made-this' });
  await assertAway(blobs, 'a'.repeat(64));
  assert.match((await blobs.trouble()) ?? '', /^S3 has no bucket nobody-made-this/);
});

test('bytes that are no longer those that were hashed are refused by the store', { skip: withoutS3 }, async () => {
  const bucket = await openBucket({ after });
  const blobs = await bucket.blobs();
  const staged = await blobs.stage(Readable.from([randomBytes(1000)]), { limit });
  await writeFile(staged.path, randomBytes(1000));
  await assert.rejects(staged.publish(), isAway);
  await staged.discard();
  assert.deepEqual(await bucket.names(), []);
});

test('what is sent ahead is made sure of by publishing: bytes that were removed in between are there again', {
  skip: withoutS3,
}, async () => {
  const bucket = await openBucket({ after });
  const blobs = await bucket.blobs();
  const staged = await blobs.stage(Readable.from([randomBytes(1000)]), { limit });
  assert.equal(await staged.send(), true);
  await blobs.remove(staged.sha256);
  await staged.publish();
  assert.deepEqual(await bucket.names(), [staged.sha256]);
});

test('readers that leave early leave no connection: more of them than there are connections, and the next one is served', {
  skip: withoutS3,
}, async () => {
  const bucket = await openBucket({ after });
  const blobs = await bucket.blobs();
  const { sha256, size } = await stored(blobs, Readable.from([randomBytes(4 * 1024 * 1024)]), { limit });
  for (let round = 0; round < 20; round += 1)
    await Promise.all(
      Array.from({ length: 30 }, async (_, at) => {
        const leaving = blobs.read(sha256);
        if (at % 2 === 0) await leaving.iterator({ destroyOnReturn: false }).next();
        else leaving.read();
        leaving.destroy();
      }),
    );
  assert.equal((await buffer(blobs.read(sha256))).length, size);
  assert.equal(await blobs.trouble(), null, 'nor does it count as trouble');
});
