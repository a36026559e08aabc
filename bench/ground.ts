import { mkdtemp, rm } from 'node:fs/promises';
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
  const sides: Side[] = [];
  const database = await startPostgres(join(folder, 'postgres'));
  let clearing: Promise<void> | undefined;
  const clear = () => {
    clearing ??= Promise.all(sides.map((side) => side.stop()))
      .then(() => database.stop())
      .then(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 }));
    return clearing;
  };
  const leave = () => void clear().finally(() => process.exit(130));
  process.once('SIGINT', leave).once('SIGTERM', leave);
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
    await clear();
    process.removeListener('SIGINT', leave).removeListener('SIGTERM', leave);
  }
}
