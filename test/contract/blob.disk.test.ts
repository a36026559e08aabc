import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { openDiskBlobs } from '../../src/platform/blob/disk.ts';
import { ProblemError } from '../../src/platform/problem.ts';
import { stored } from '../support/stored.ts';
import { blobContract } from './blob.contract.ts';

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-blobs-'));
  after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
const namesIn = async (folder: string) =>
  (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name);

blobContract(async () => {
  const folder = await emptyFolder();
  return { blobs: await openDiskBlobs({ folder, minFreePercent: 0 }), names: () => namesIn(folder) };
});

test('what a process that is gone left half-arrived is swept at the start; what a live one is receiving stays', async () => {
  const folder = await emptyFolder();
  await openDiskBlobs({ folder, minFreePercent: 0 });
  for (const name of ['999999999-left', `${process.pid}-namesake`, `${process.ppid}-alive`])
    await writeFile(join(folder, 'arriving', name), 'x');
  await openDiskBlobs({ folder, minFreePercent: 0 });
  assert.deepEqual(await namesIn(folder), [`${process.ppid}-alive`]);
});

test('a disk without the asked share of room refuses bytes', async () => {
  const blobs = await openDiskBlobs({ folder: await emptyFolder(), minFreePercent: 100 });
  await assert.rejects(
    stored(blobs, Readable.from([Buffer.from('x')]), { limit: 10 }),
    (error) => error instanceof ProblemError && error.code === 'storage_full',
  );
});

test('a file that was cut short in the store is mended by the next upload of its bytes', async () => {
  const folder = await emptyFolder();
  const blobs = await openDiskBlobs({ folder, minFreePercent: 0 });
  const store = () => stored(blobs, Readable.from([Buffer.from('whole')]), { limit: 10 });
  const { sha256 } = await store();
  await writeFile(join(folder, sha256.slice(0, 2), sha256), 'wh');
  await store();
  assert.deepEqual(await blobs.stat(sha256), { size: 5 });
});
