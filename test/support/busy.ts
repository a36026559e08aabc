import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { OpenLoopResult } from '../../bench/load/open-loop.ts';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export interface Busy {
  url: string;
  child: ChildProcess;
  figure(name: string): Promise<number>;
  load(options: Record<string, string | number>): Promise<OpenLoopResult>;
}

/** Starts the HTTP layer of `busy-server.ts`, and ends it with the test. */
export async function busy(t: TestContext, burstMs: number): Promise<Busy> {
  const child = fork(file('./busy-server.ts'), [String(burstMs)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
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
    async load(options) {
      const json = join(folder, 'load.json');
      const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
      const tokens = ['--url', url, '--token-file', join(folder, 'tokens'), '--json', json];
      const generator = spawn(process.execPath, [file('../../bench/load.ts'), ...tokens, ...given], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      await once(generator, 'exit');
      return JSON.parse(await readFile(json, 'utf8')) as OpenLoopResult;
    },
  };
}
