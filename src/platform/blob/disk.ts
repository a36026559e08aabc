import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ProblemError } from '../problem.ts';
import type { Blobs, Intake, Staged } from './blobs.ts';

export interface DiskOptions {
  /** Folder of its own; made when missing. */
  folder: string;
  /** Percent of the disk that must stay free; below it uploads are refused. */
  minFreePercent: number;
}

const NAME = /^[0-9a-f]{64}$/;

/** Whether the process that was receiving this file is gone: its number leads the file's name. Our own number can only be a namesake's. */
function isAbandoned(name: string): boolean {
  const pid = Number.parseInt(name, 10);
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** The free share of the disk in percent, as an unprivileged writer sees it. */
export async function freePercent(folder: string): Promise<number> {
  const { bavail, blocks } = await statfs(folder);
  return blocks === 0 ? 100 : (100 * bavail) / blocks;
}

async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders; there the rename itself is journaled.
  const handle = await open(folder, 'r').catch(() => null);
  if (handle === null) return;
  await handle.sync().catch(() => {});
  await handle.close();
}

/**
 * Blobs on a disk: `<folder>/ab/<sha256>`. Bytes go to `<folder>/arriving/` first, hashed as they pass; then fsync, rename, fsync of the folder: a
 * blob that has its name is whole. What a process that is gone left in `arriving` is swept when the folder is opened.
 */
export async function openDiskBlobs(options: DiskOptions): Promise<Blobs> {
  const { folder, minFreePercent } = options;
  const arriving = join(folder, 'arriving');
  await mkdir(arriving, { recursive: true });
  for (const name of await readdir(arriving)) if (isAbandoned(name)) await rm(join(arriving, name), { force: true });

  function place(sha256: string): string {
    if (!NAME.test(sha256)) throw new Error('not the name of a blob');
    return join(folder, sha256.slice(0, 2), sha256);
  }

  async function stage(source: AsyncIterable<Uint8Array>, { limit, signal }: Intake): Promise<Staged> {
    signal?.throwIfAborted();
    if (minFreePercent > 0 && (await freePercent(folder)) < minFreePercent) throw new ProblemError('storage_full', { retryAfter: 60 });
    const path = join(arriving, `${process.pid}-${randomUUID()}`);
    const handle = await open(path, 'wx', 0o600);
    const hash = createHash('sha256');
    let size = 0;
    try {
      for await (const chunk of source) {
        signal?.throwIfAborted();
        size += chunk.length;
        if (size > limit) throw new ProblemError('payload_too_large');
        hash.update(chunk);
        let written = 0;
        while (written < chunk.length) written += (await handle.write(chunk, written)).bytesWritten;
      }
      signal?.throwIfAborted();
      await handle.sync();
      await handle.close();
    } catch (error) {
      await handle.close().catch(() => {});
      await rm(path, { force: true });
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw new ProblemError('storage_full', { retryAfter: 60, cause: error });
      throw error;
    }
    const sha256 = hash.digest('hex');
    let published = false;
    return {
      sha256,
      size,
      path,
      async publish() {
        if (published) return;
        const target = place(sha256);
        if (await stat(target).catch(() => null)) await rm(path, { force: true });
        else {
          await mkdir(dirname(target), { recursive: true });
          await rename(path, target);
          await syncFolder(dirname(target));
          await syncFolder(folder);
        }
        published = true;
      },
      async discard() {
        if (!published) await rm(path, { force: true });
      },
    };
  }

  return {
    stage,
    async put(source, intake) {
      const staged = await stage(source, intake);
      try {
        await staged.publish();
      } finally {
        await staged.discard();
      }
      return { sha256: staged.sha256, size: staged.size };
    },
    read: (sha256, range) => createReadStream(place(sha256), range ? { start: range.start, end: range.end } : {}),
    async stat(sha256) {
      const found = await stat(place(sha256)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      });
      return found ? { size: found.size } : null;
    },
    remove: (sha256) => rm(place(sha256), { force: true }),
    path: place,
  };
}
