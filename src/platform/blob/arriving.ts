import { createHash, randomUUID } from 'node:crypto';
import { access, constants, mkdir, open, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ProblemError } from '../problem.ts';
import type { BlobFacts, Blobs, Intake, Staged } from './blobs.ts';
import { asDiskFault } from './disk-faults.ts';

export interface ArrivingOptions {
  /** Folder of its own on a local disk; made when missing. Bytes arrive in `arriving/` below it. */
  folder: string;
  /** Percent of that disk that must stay free; below it uploads are refused. */
  minFreePercent: number;
}

/** A file that has arrived whole. */
export interface Arrived extends BlobFacts {
  readonly path: string;
}

/** How a store keeps what has arrived. */
interface Keeper {
  /** Where keeping takes time: the same, done ahead. */
  send?(file: Arrived): Promise<void>;
  /** Durable under its hash when this returns; may take the file away. Free when it is kept already. */
  keep(file: Arrived): Promise<void>;
}

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
async function freePercent(folder: string): Promise<number> {
  const { bavail, blocks } = await statfs(folder);
  return blocks === 0 ? 100 : (100 * bavail) / blocks;
}

/**
 * The half of every store in which bytes arrive: a local file, hashed and counted as they pass, then fsync. What a process that is gone left there
 * is swept when the folder is opened.
 */
export async function openArriving({ folder, minFreePercent }: ArrivingOptions, keeper: Keeper): Promise<Pick<Blobs, 'stage' | 'trouble'>> {
  const arriving = join(folder, 'arriving');
  await mkdir(arriving, { recursive: true });
  for (const name of await readdir(arriving)) if (isAbandoned(name)) await rm(join(arriving, name), { force: true });

  async function receive(source: AsyncIterable<Uint8Array>, { limit, signal }: Intake): Promise<Arrived> {
    signal?.throwIfAborted();
    if (minFreePercent > 0 && (await freePercent(folder)) < minFreePercent) throw new ProblemError('storage_full', { retryAfter: 60 });
    const path = join(arriving, `${process.pid}-${randomUUID()}`);
    const handle = await open(path, 'wx', 0o600).catch((error: unknown) => {
      throw asDiskFault(error);
    });
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
      await rm(path, { force: true }).catch(() => {});
      throw asDiskFault(error);
    }
    return { path, sha256: hash.digest('hex'), size };
  }

  async function stage(source: AsyncIterable<Uint8Array>, intake: Intake): Promise<Staged> {
    const file = await receive(source, intake);
    let published = false;
    return {
      ...file,
      async send() {
        await keeper.send?.(file);
        return keeper.send !== undefined;
      },
      async publish() {
        if (published) return;
        await keeper.keep(file);
        published = true;
        await rm(file.path, { force: true });
      },
      async discard() {
        if (!published) await rm(file.path, { force: true });
      },
    };
  }

  return {
    stage,
    async trouble() {
      const refused = await access(arriving, constants.W_OK).then(
        () => null,
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      );
      if (refused !== null) return `files cannot be written (${refused})`;
      const { files, ffree } = await statfs(folder);
      if (files > 0 && ffree === 0) return 'the disk takes no more files: it has no inode left';
      const free = await freePercent(folder);
      return free < minFreePercent ? `${free.toFixed(1)} % of the disk is free: uploads are refused below ${minFreePercent} %` : null;
    },
  };
}
