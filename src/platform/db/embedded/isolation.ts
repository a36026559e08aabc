import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chown, mkdir, readlink, stat, symlink } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';

/** `self`: as we are. `namespace`: seen by the server as another user than we are. `nobody`: root hands the server to uid 65534. */
export type Isolation = 'self' | 'namespace' | 'nobody';
export const NOBODY = 65534;

/**
 * PostgreSQL refuses to run as root, and initdb as a user without a name; containers give either. A namespace of one user solves both: outside it
 * the server is who we are, so the files need no other owner.
 */
export function chooseIsolation(): Isolation {
  const root = process.getuid?.() === 0;
  if (!root && hasName()) return 'self';
  if (process.platform !== 'linux') {
    throw new Error('The embedded PostgreSQL does not run as root here: start the platform as an ordinary user or set DATABASE_URL');
  }
  const [command, ...args] = namespaced(['true']);
  if (spawnSync(command ?? '', args, { stdio: 'ignore', timeout: 5000 }).status === 0) return 'namespace';
  return root ? 'nobody' : 'self';
}

function hasName(): boolean {
  try {
    return userInfo().username !== '';
  } catch {
    return false;
  }
}

/** A number other than 0 that /etc/passwd has a name for: 1000 or nobody where they exist. */
function namedUser(): number {
  let known: number[] = [];
  try {
    known = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => Number(line.split(':')[2] ?? 0))
      .filter((uid) => uid > 0);
  } catch {}
  return known.find((uid) => uid === 1000) ?? known.find((uid) => uid === NOBODY) ?? known[0] ?? 1000;
}

function namespaced(command: readonly string[]): string[] {
  const uid = namedUser();
  return ['unshare', '--user', `--map-user=${uid}`, `--map-group=${uid}`, '--', ...command];
}

/** What to spawn so that `command` runs with the rights that the server accepts. */
export function commandFor(
  isolation: Isolation,
  command: readonly string[],
): { file: string; args: string[]; ids: { uid?: number; gid?: number } } {
  const [file = '', ...args] = isolation === 'namespace' ? namespaced(command) : command;
  return { file, args, ids: isolation === 'nobody' ? { uid: NOBODY, gid: NOBODY } : {} };
}

async function reachable(folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    const info = await stat(at).catch(() => undefined);
    if (info && (info.mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/**
 * Where the server's files lie. Below a folder that uid 65534 cannot pass (a 0700 home) they go to /var/lib, with a link in their place: a server
 * that cannot reach its files cannot run, and the temporary folder is no place for records.
 */
export async function clusterFolder(isolation: Isolation, dataDir: string): Promise<string> {
  const wanted = join(dataDir, 'cluster');
  if (isolation !== 'nobody') {
    await mkdir(wanted, { recursive: true, mode: 0o700 });
    return readlink(wanted).catch(() => wanted);
  }
  const linked = await readlink(wanted).catch(() => undefined);
  if (linked) return linked;
  if (await reachable(dataDir)) {
    await mkdir(wanted, { recursive: true, mode: 0o700 });
    await chown(wanted, NOBODY, NOBODY);
    return wanted;
  }
  const elsewhere = `/var/lib/chip-quality-platform/${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`;
  await mkdir(dirname(elsewhere), { recursive: true, mode: 0o755 });
  await mkdir(elsewhere, { recursive: true, mode: 0o700 });
  await chown(elsewhere, NOBODY, NOBODY);
  await symlink(elsewhere, wanted);
  return elsewhere;
}
