import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ArrivingOptions, openArriving } from './arriving.ts';
import { type Blobs, placeOf } from './blobs.ts';
import { asDiskFault } from './disk-faults.ts';

async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders; there the rename itself is journaled.
  const handle = await open(folder, 'r').catch(() => null);
  if (handle === null) return;
  await handle.sync().catch(() => {});
  await handle.close();
}

/** Blobs on a disk: `<folder>/ab/<sha256>`. Arrived bytes are renamed, then fsync of the folder: a blob that has its name is whole. */
export async function openDiskBlobs(options: ArrivingOptions): Promise<Blobs> {
  const { folder } = options;
  const place = (sha256: string) => join(folder, placeOf(sha256));
  const arriving = await openArriving(options, {
    async keep({ path, sha256, size }) {
      const target = place(sha256);
      // One of another size was cut short elsewhere (a copy of the folder, a restore): the bytes that have arrived mend it.
      if ((await stat(target).catch(() => null))?.size === size) return;
      try {
        await mkdir(dirname(target), { recursive: true });
        await rename(path, target);
      } catch (error) {
        throw asDiskFault(error);
      }
      await syncFolder(dirname(target));
      await syncFolder(folder);
    },
  });
  return {
    ...arriving,
    read: (sha256, range) => createReadStream(place(sha256), range ? { start: range.start, end: range.end } : {}),
    async stat(sha256) {
      const found = await stat(place(sha256)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw asDiskFault(error);
      });
      return found ? { size: found.size } : null;
    },
    remove: (sha256) => rm(place(sha256), { force: true }),
    close: async () => undefined,
  };
}
