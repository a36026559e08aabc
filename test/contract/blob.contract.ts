import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import type { Blobs } from '../../src/platform/blob/blobs.ts';
import { ProblemError } from '../../src/platform/problem.ts';
import { stored } from '../support/stored.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const stream = (...chunks: Uint8Array[]) => Readable.from(chunks);
const limit = 1024 * 1024;

/** What every store of blobs does. `open` gives an empty one; `names` lists everything it holds, half-arrived bytes too. */
export function blobContract(open: () => Promise<{ blobs: Blobs; names: () => Promise<string[]> }>): void {
  test('what was put is read back whole and in parts, under the hash of its bytes', async () => {
    const { blobs } = await open();
    const bytes = randomBytes(100_000);
    const put = await stored(blobs, stream(bytes.subarray(0, 33_333), bytes.subarray(33_333)), { limit });
    assert.deepEqual(put, { sha256: sha256(bytes), size: bytes.length });
    assert.deepEqual(await blobs.stat(put.sha256), { size: bytes.length });
    assert.deepEqual(await buffer(blobs.read(put.sha256)), bytes);
    assert.deepEqual(await buffer(blobs.read(put.sha256, { start: 10, end: 19 })), bytes.subarray(10, 20));
  });

  test('bytes that are staged can be looked at and have no name yet; discarded, nothing is left', async () => {
    const { blobs, names } = await open();
    const bytes = randomBytes(1000);
    const staged = await blobs.stage(stream(bytes), { limit });
    assert.deepEqual([staged.sha256, staged.size], [sha256(bytes), 1000]);
    assert.deepEqual(await readFile(staged.path), bytes);
    assert.equal(await blobs.stat(staged.sha256), null);
    await staged.discard();
    assert.deepEqual(await names(), []);
    await staged.discard();
    const kept = await blobs.stage(stream(bytes), { limit });
    await kept.publish();
    await kept.publish();
    await kept.discard();
    assert.deepEqual(await names(), [sha256(bytes)]);
  });

  test('the same bytes from many at once are one blob', async () => {
    const { blobs, names } = await open();
    const bytes = randomBytes(50_000);
    await Promise.all(Array.from({ length: 10 }, () => stored(blobs, stream(bytes), { limit })));
    assert.deepEqual(await names(), [sha256(bytes)]);
    assert.deepEqual(await buffer(blobs.read(sha256(bytes))), bytes);
  });

  test('a stream that is too long, fails or is aborted leaves nothing', async () => {
    const { blobs, names } = await open();
    await assert.rejects(
      stored(blobs, stream(Buffer.alloc(6), Buffer.alloc(5)), { limit: 10 }),
      (error) => error instanceof ProblemError && error.code === 'payload_too_large',
    );
    await stored(blobs, stream(Buffer.alloc(10)), { limit: 10 });
    async function* failing() {
      yield randomBytes(10);
      throw new Error('cut');
    }
    await assert.rejects(stored(blobs, failing(), { limit }), /cut/);
    const abort = new AbortController();
    async function* endless() {
      for (let count = 0; ; count++) {
        if (count === 3) abort.abort(new Error('gone'));
        yield randomBytes(10);
      }
    }
    await assert.rejects(stored(blobs, endless(), { limit, signal: abort.signal }), /gone/);
    assert.equal((await names()).length, 1);
  });

  test('what is removed is gone, removing it again is no fault, and a name that is no hash is refused', async () => {
    const { blobs, names } = await open();
    const { sha256: name } = await stored(blobs, stream(randomBytes(10)), { limit });
    await blobs.remove(name);
    await blobs.remove(name);
    assert.equal(await blobs.stat(name), null);
    assert.deepEqual(await names(), []);
    await assert.rejects(buffer(blobs.read(name)), { code: 'ENOENT' });
    for (const bad of ['', '../x', 'A'.repeat(64), `${'a'.repeat(64)}\n`]) await assert.rejects(async () => blobs.stat(bad), bad);
  });
}
