import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { drawBoard } from '../../../test/support/boards.ts';
import { readPair, readPlane } from './picture.ts';

const bitsOf = async (bytes: Uint8Array) => [...(await readPlane(bytes)).bits];

test('copper is what is darker than mid grey, whatever the format, colour or depth', async () => {
  const greys = [0, 127, 128, 255, 0, 255, 255, 0];
  const expected = [0b11001001];
  const raw = sharp(Uint8Array.from(greys), { raw: { width: 8, height: 1, channels: 1 } });
  assert.deepEqual((await bitsOf(await raw.clone().png().toBuffer())).slice(0, 1), expected);
  assert.deepEqual((await bitsOf(await raw.clone().toColourspace('srgb').png().toBuffer())).slice(0, 1), expected);
  assert.deepEqual((await bitsOf(await raw.clone().tiff({ compression: 'none' }).toBuffer())).slice(0, 1), expected);
  assert.deepEqual((await bitsOf(await raw.clone().toColourspace('grey16').png().toBuffer())).slice(0, 1), expected);
});

test('transparent is laminate; rows and columns of padding are laminate', async () => {
  const clear = await sharp({ create: { width: 4, height: 3, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } })
    .png()
    .toBuffer();
  assert.deepEqual(await bitsOf(clear), Array(8).fill(0));
  const black = await sharp({ create: { width: 4, height: 3, channels: 3, background: '#000' } })
    .png()
    .toBuffer();
  assert.deepEqual(await bitsOf(black), [0xf0, 0xf0, 0xf0, 0, 0, 0, 0, 0]);
});

test('a pair that cannot be compared says which part is at fault', async () => {
  const board = await drawBoard();
  const faults = async (image: Uint8Array, reference: Uint8Array) =>
    await readPair(image, reference).then(
      () => 'none',
      (error: { fault?: string }) => error.fault,
    );
  assert.equal(await faults(board, board), 'none');
  assert.equal(await faults(Buffer.from('no picture'), board), 'unreadable_image');
  assert.equal(await faults(board.subarray(0, board.length - 20), board), 'unreadable_image');
  assert.equal(await faults(board, Buffer.alloc(0)), 'unreadable_reference');
  assert.equal(await faults(board, await drawBoard({ width: 72 })), 'size_mismatch');
});

test('a file of several pictures is not read: only the first would be looked at', async () => {
  const [board, bad] = [await drawBoard(), await drawBoard({}, { lost: [{ x: 0, y: 16, width: 8, height: 8 }] })];
  const both = sharp([board, bad], { join: { animated: true } });
  const tiff = await both.clone().tiff({ compression: 'none' }).toBuffer();
  const webp = await both.clone().webp({ lossless: true }).toBuffer();
  for (const several of [tiff, webp]) {
    await assert.rejects(readPair(several, board), { fault: 'unreadable_image', message: 'the file holds 2 pictures, one is looked at' });
    await assert.rejects(readPair(board, several), { fault: 'unreadable_reference' });
  }
});

test('a picture that is all dark or all light shows no board, and is none that is like a template of the same camera', async () => {
  const board = await drawBoard();
  const dim = await sharp(board).toColourspace('b-w').linear(0.4, 0).png().toBuffer();
  const light = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#fff' } })
    .png()
    .toBuffer();
  for (const nothing of [dim, light]) {
    await assert.rejects(readPair(nothing, nothing), { fault: 'unreadable_image' });
    await assert.rejects(readPair(nothing, board), { fault: 'unreadable_image' });
    await assert.rejects(readPair(board, nothing), { fault: 'unreadable_reference' });
  }
});
