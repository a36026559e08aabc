import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { openDiskBlobs } from '../../src/platform/blob/disk.ts';
import { ProblemError } from '../../src/platform/problem.ts';
import { openSmallVolume } from '../support/small-volume.ts';
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

test('a disk without inodes is full, one that became read-only is away; both are told, and are well again when they are', async (t) => {
  const volume = openSmallVolume(2);
  if (volume === undefined) return t.skip('this user may not mount');
  t.after(() => volume.remove());
  const remount = (option: string) => execFileSync('mount', ['-o', `remount,${option}`, volume.folder]);
  const blobs = await openDiskBlobs({ folder: volume.folder, minFreePercent: 0 });
  let made = 0;
  const store = () => stored(blobs, Readable.from([Buffer.from(`bytes ${made++}`)]), { limit: 100 });
  const refuses = (code: string) => assert.rejects(store(), (error) => error instanceof ProblemError && error.code === code);

  remount('nr_inodes=3');
  await refuses('storage_full');
  await writeFile(join(volume.folder, 'last'), '');
  await refuses('storage_full');
  assert.match((await blobs.trouble()) ?? '', /no inode left/);
  remount('nr_inodes=1000');
  assert.equal(await blobs.trouble(), null);

  remount('ro');
  await refuses('storage_unavailable');
  assert.match((await blobs.trouble()) ?? '', /cannot be written \(EROFS\)/);
  remount('rw');
  assert.equal(await blobs.trouble(), null);
  await store();
});
