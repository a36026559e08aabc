import { createHash } from 'node:crypto';
import { realpath, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Another process works in the folder. */
export class FolderTaken extends Error {
  override readonly name = 'FolderTaken';
}

/**
 * A name that one process of the machine can hold and that goes with it however it ends: an abstract socket on Linux, a pipe on Windows, elsewhere a
 * socket file that is taken over when nobody answers it. Containers that share a folder without sharing a network are not kept apart by it.
 */
function nameFor(folder: string): { path: string; file: boolean } {
  const name = `cqp-station-${createHash('sha256').update(folder).digest('hex').slice(0, 32)}`;
  if (process.platform === 'linux') return { path: `\0${name}`, file: false };
  if (process.platform === 'win32') return { path: `\\\\.\\pipe\\${name}`, file: false };
  return { path: join(tmpdir(), `${name}.sock`), file: true };
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen({ path, exclusive: true }, () => resolve(server.unref()));
  });
}

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
  });

/** @throws FolderTaken */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const { path, file } = nameFor(await realpath(folder));
  const taken = () => new FolderTaken(`Another process forwards the queue in ${folder}`);
  const server = await listen(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    if (!file || (await answers(path))) throw taken();
    await rm(path, { force: true });
    return listen(path).catch(() => {
      throw taken();
    });
  });
  return () => new Promise((resolve) => server.close(() => resolve()));
}
