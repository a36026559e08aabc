import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { OpenLoopResult } from '../../bench/load/open-loop.ts';
import { generateLoad } from './load-generator.ts';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export interface Busy {
  url: string;
  child: ChildProcess;
  figure(name: string): Promise<number>;
  load(options: Record<string, string | number | true>): Promise<OpenLoopResult>;
}

/** Starts the HTTP layer of `busy-server.ts`, and ends it with the test. `most`: creations inside at once. */
export async function busy(t: TestContext, burstMs: number, most = 20_000): Promise<Busy> {
  const child = fork(file('./busy-server.ts'), [String(burstMs), String(most)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const folder = await mkdtemp(join(tmpdir(), 'cqp-load-'));
  t.after(async () => {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const url = `http://127.0.0.1:${port}`;
  await writeFile(join(folder, 'tokens'), 'good\n');
  return {
    url,
    child,
    async figure(name) {
      child.send('figures');
      const [{ figures }] = (await once(child, 'message')) as [{ figures: string }];
      return Number(
        figures
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.slice(name.length) ?? Number.NaN,
      );
    },
    load: (options) => generateLoad({ url, tokens: { 'token-file': join(folder, 'tokens') } }, options),
  };
}
