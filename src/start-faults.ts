import type { Config } from './config.ts';

/** The machine refuses what a setting asks for. The message says all that there is to say. */
class StartRefused extends Error {
  override readonly name = 'StartRefused';
}

const NO_ADDRESS = 'is no address of this machine, and no name that leads to one';
const LISTENING: Readonly<Record<string, (at: Pick<Config, 'HOST' | 'PORT'>) => string>> = {
  EADDRINUSE: ({ HOST, PORT }) => `PORT=${PORT} is taken: another program listens there (HOST=${HOST})`,
  EACCES: ({ PORT }) => `PORT=${PORT} may not be listened on by this user`,
  EADDRNOTAVAIL: ({ HOST }) => `HOST=${JSON.stringify(HOST)} ${NO_ADDRESS}`,
  ENOTFOUND: ({ HOST }) => `HOST=${JSON.stringify(HOST)} ${NO_ADDRESS}`,
  EAI_AGAIN: ({ HOST }) => `HOST=${JSON.stringify(HOST)} cannot be looked up: the name server does not answer`,
};

/** Of the whole disk: a write names no path, and a start writes nowhere else. */
const FULL: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on its disk',
  EDQUOT: 'this user may keep no more on its disk',
  EROFS: 'its disk is read-only',
};
const WRITING: Readonly<Record<string, string>> = {
  ...FULL,
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  ENOTDIR: 'a part of the path is no folder',
  EEXIST: 'there is a file of that name',
  ENOENT: 'it cannot be made',
};
/** As the programs of the embedded PostgreSQL say it; a given one has its own disk. */
const TOLD = [
  ['No space left on device', 'ENOSPC'],
  ['Disk quota exceeded', 'EDQUOT'],
  ['Read-only file system', 'EROFS'],
] as const;

/** What a start failed with, told by the setting that decides it; any other error as it is. */
export function refusedBy(config: Pick<Config, 'HOST' | 'PORT' | 'dataDir' | 'databaseUrl'>, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code = '', syscall, path, hostname, message } = error as NodeJS.ErrnoException & { hostname?: string };
  const refused = (words: string) => new StartRefused(words, { cause: error });
  if (syscall === 'listen' || syscall === 'bind' || (syscall === 'getaddrinfo' && hostname === config.HOST)) {
    const words = LISTENING[code];
    return words ? refused(words(config)) : error;
  }
  const own = path?.startsWith(config.dataDir) ? WRITING[code] : undefined;
  const told = config.databaseUrl === null && TOLD.find(([text]) => message.includes(text))?.[1];
  const why = own ?? FULL[code] ?? (told ? FULL[told] : undefined);
  return why === undefined ? error : refused(`CQP_DATA_DIR=${JSON.stringify(config.dataDir)} cannot be written: ${why}`);
}
