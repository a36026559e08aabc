import { readFileSync } from 'node:fs';
import type { RunningPlatform } from './platform.ts';

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** The processes that serve for a platform of several, oldest first. */
export function workersOf(platform: Pick<RunningPlatform, 'process'>): number[] {
  const { pid = 0 } = platform.process;
  return read(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter((child) => child !== '' && read(`/proc/${child}/cmdline`).includes('main.ts'))
    .map(Number);
}
