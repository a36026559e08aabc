import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchDatabase, startPostgres } from './sides/postgres.ts';
import type { Side } from './sides/side.ts';

/** What the sides of one measurement stand on: a folder for a while, one PostgreSQL, and the servers, which end with it. */
export interface Ground {
  folder: string;
  database: BenchDatabase;
  sides: Side[];
  /** Keeps a side for the end. */
  add<S extends Side>(side: S): S;
}

/** Does the work and clears the ground, however it ends; a signal ends it too. */
export async function onGround<R>(work: (ground: Ground) => Promise<R>): Promise<R> {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-bench-'));
  const clear = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  const leave = () => process.exit(130);
  process.once('exit', clear);
  process.once('SIGINT', leave).once('SIGTERM', leave);
  const database = await startPostgres(join(folder, 'postgres'));
  const sides: Side[] = [];
  try {
    return await work({
      folder,
      database,
      sides,
      add(side) {
        sides.push(side);
        return side;
      },
    });
  } finally {
    await Promise.all(sides.map((side) => side.stop()));
    await database.stop();
    clear();
    process.removeListener('exit', clear).removeListener('SIGINT', leave).removeListener('SIGTERM', leave);
  }
}
