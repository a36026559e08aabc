import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A volume of a few MiB in memory, that can be filled to its last byte and given room again. */
export interface SmallVolume {
  readonly folder: string;
  /** Takes all room that there is, and whatever is given back meanwhile, until `relieve`. */
  fill(): Promise<void>;
  relieve(): Promise<void>;
  remove(): Promise<void>;
}

const CHUNK = Buffer.alloc(256 * 1024, 1);

/** @returns undefined where this user may not mount */
export function openSmallVolume(mib: number): SmallVolume | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'cqp-volume-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmdirSync(folder);
    return undefined;
  }
  const ballast = join(folder, 'ballast');
  let filling: Promise<void> | undefined;
  let full = false;

  async function take(first: () => void): Promise<void> {
    const file = await open(ballast, 'a');
    try {
      for (let size = CHUNK.length; full; ) {
        const { bytesWritten } = await file.write(CHUNK, 0, size).catch(() => ({ bytesWritten: 0 }));
        if (bytesWritten > 0) continue;
        if (size > 1) size = size >> 1;
        else {
          first();
          size = CHUNK.length;
          await sleep(20);
        }
      }
    } finally {
      await file.close();
    }
  }

  const volume: SmallVolume = {
    folder,
    fill() {
      full = true;
      return new Promise((resolve, reject) => {
        filling = take(resolve).catch(reject);
      });
    },
    async relieve() {
      full = false;
      await filling;
      await rm(ballast, { force: true });
    },
    async remove() {
      await volume.relieve();
      execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
      rmdirSync(folder);
    },
  };
  return volume;
}
