import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { crc32, createDeflate } from 'node:zlib';
import sharp from 'sharp';
import { ProblemError } from '../problem.ts';
import { inspectPicture } from './inspect.ts';

const folder = await mkdtemp(join(tmpdir(), 'cqp-pictures-'));
after(() => rm(folder, { recursive: true, force: true }));

/** Zeros, packed piece by piece: hundreds of megabytes that are never there at once. */
function packed(bytes: number): Promise<Buffer> {
  const piece = Buffer.alloc(Math.min(bytes, 1 << 20));
  function* pieces() {
    for (let left = bytes; left > 0; left -= piece.length) yield piece.subarray(0, Math.min(left, piece.length));
  }
  return buffer(Readable.from(pieces()).pipe(createDeflate({ level: 1 })));
}

/** One bit a pixel, all of it black unless `rows` says that there is less. */
async function png(width: number, height: number, rows = height): Promise<Buffer> {
  const chunk = (type: string, data: Buffer) => {
    const named = Buffer.concat([Buffer.from(type), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, check]);
  };
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const lines = await packed(rows * (1 + Math.ceil(width / 8)));
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', lines),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
async function looked(bytes: Buffer, type: string, bounds = {}) {
  const path = join(folder, 'picture');
  await writeFile(path, bytes);
  return inspectPicture(path, type, bounds);
}
const red = sharp({ create: { width: 16, height: 16, channels: 3, background: 'red' } });

test('a side that no decoder takes is too large, whatever the pixels; a header that says nothing is no picture', async () => {
  const jpeg = await red.clone().jpeg().toBuffer();
  jpeg.writeUInt16BE(65_535, jpeg.indexOf(Buffer.from([0xff, 0xc0])) + 7);
  const tiff = await red.clone().tiff({ compression: 'lzw' }).toBuffer();
  const [entries, width] = [tiff.readUInt32LE(4), Buffer.from([0, 1])];
  const entry = tiff.indexOf(width, entries);
  tiff.writeUInt16LE(4, entry + 2);
  tiff.writeUInt32LE(2_147_483_647, entry + 8);
  const webp = await red.clone().withIccProfile('srgb').webp().toBuffer();
  assert.equal(webp.toString('latin1', 12, 16), 'VP8X');
  webp.writeUIntLE(16_383, 24, 3);
  for (const [bytes, type] of [
    [await png(100_000_001, 1, 0), 'image/png'],
    [await png(1, 2_147_483_648, 0), 'image/png'],
    [jpeg, 'image/jpeg'],
    [tiff, 'image/tiff'],
    [webp, 'image/webp'],
  ] as const)
    await assert.rejects(looked(bytes, type), (error) => error instanceof ProblemError && error.code === 'picture_too_large', type);
  for (const bytes of [(await png(8, 8)).subarray(0, 20), Buffer.alloc(100), Buffer.alloc(0)])
    await assert.rejects(looked(bytes, 'image/png'), (error) => error instanceof ProblemError && error.code === 'content_mismatch');
});

test('a picture that does not decode within its time counts as one that does not decode', async () => {
  assert.deepEqual(await looked(await png(64, 32), 'image/png', { seconds: 1 }), { width: 64, height: 32, readable: true });
  // Some seconds of a core: longer than the bound on a machine that is several times as fast.
  const [width, height] = [40_000, 120_000];
  const { readable } = await looked(await png(width, height), 'image/png', { maxPixels: width * height, seconds: 1 });
  assert.equal(readable, false);
});
