import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { isRunning, startOf } from './processes.ts';

/** Who works in the folder. `started` tells the owner from a later process of the same number. */
export interface Owner {
  pid: number;
  started: string;
  host: string;
  since: string;
  socketFolder?: string;
}

const BEAT_MS = 5_000;
/** Another host (a container on the same volume) counts as alive while its beat is younger than this. */
const STALE_MS = 20_000;

export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
}

export interface FolderLock {
  /** What the last owner left behind, when it did not release the folder. */
  readonly previous: Owner | undefined;
  note(more: Partial<Owner>): Promise<void>;
  release(): Promise<void>;
}

async function read(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

async function alive(path: string, owner: Owner | undefined): Promise<boolean> {
  if (!owner) return false;
  if (owner.host === hostname()) return isRunning(owner.pid) && startOf(owner.pid) === owner.started;
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs < STALE_MS;
}

/** Where the platform that works in the folder has its sockets; null: none does. */
export async function socketsOf(path: string): Promise<string | null> {
  const owner = await read(path);
  return (await alive(path, owner)) ? (owner?.socketFolder ?? null) : null;
}

/**
 * One platform a folder. The file is made whole and then linked into place, which fails when another has it; one whose owner is dead is taken over.
 * @throws FolderInUse with the other's process number
 */
export async function lockFolder(path: string): Promise<FolderLock> {
  let self: Owner = { pid: process.pid, started: startOf(process.pid), host: hostname(), since: new Date().toISOString() };
  const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  let previous: Owner | undefined;
  await writeFile(draft, JSON.stringify(self), { mode: 0o600 });
  try {
    for (let round = 0; ; round += 1) {
      try {
        await link(draft, path);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || round > 20) throw error;
      }
      const owner = await read(path);
      if (await alive(path, owner)) {
        throw new FolderInUse(
          `Another platform (process ${owner?.pid}${owner?.host === hostname() ? '' : ` on ${owner?.host}`}, since ${owner?.since}) works in this data directory: stop it or choose another CQP_DATA_DIR`,
        );
      }
      const aside = `${draft}.stale`;
      const moved = await rename(path, aside).then(
        () => true,
        () => false,
      );
      if (!moved) continue;
      // Someone quicker may have taken the folder between our look and our move: then give the file back.
      const taken = await read(aside);
      if (await alive(aside, taken)) await link(aside, path).catch(() => {});
      else previous = taken ?? previous;
      await rm(aside, { force: true });
    }
  } finally {
    await rm(draft, { force: true });
  }
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, BEAT_MS);
  beat.unref();
  return {
    previous,
    async note(more) {
      self = { ...self, ...more };
      const next = `${path}.next`;
      await writeFile(next, JSON.stringify(self), { mode: 0o600 });
      await rename(next, path);
    },
    async release() {
      clearInterval(beat);
      const owner = await read(path);
      if (owner?.pid === self.pid && owner.started === self.started) await rm(path, { force: true });
    },
  };
}
