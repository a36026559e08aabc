import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OpenLoopResult } from '../../bench/load/open-loop.ts';

const command = fileURLToPath(new URL('../../bench/load.ts', import.meta.url));

export interface LoadTarget {
  url: string;
  /** Whose tokens: a file of one a line, or `demo-credentials.json`. */
  tokens: { 'token-file': string } | { credentials: string };
}

/** Runs the open-loop generator in a process of its own; `options` are its own, by name (`true` for one without a value). */
export async function generateLoad({ url, tokens }: LoadTarget, options: Record<string, string | number | true>): Promise<OpenLoopResult> {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-load-'));
  try {
    const json = join(folder, 'load.json');
    const given: [string, string | number | true][] = Object.entries({ url, ...tokens, json, ...options });
    const args = given.flatMap(([name, value]) => (value === true ? [`--${name}`] : [`--${name}`, String(value)]));
    const generator = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    await once(generator, 'exit');
    return JSON.parse(await readFile(json, 'utf8')) as OpenLoopResult;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
