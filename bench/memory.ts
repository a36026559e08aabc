import { setTimeout as pause } from 'node:timers/promises';
import type { RunningPlatform } from '../test/support/platform.ts';
import { treeUse } from './process-tree.ts';

/** Peak memory (proportional set size, sampled each second) and processor share of the platform's process tree. */
export async function measureMemory(
  platform: RunningPlatform,
  seconds: number,
): Promise<{ program_mib: number; postgres_mib: number; cpu_percent: number }> {
  const root = platform.process.pid ?? 0;
  const before = treeUse(root).program.cpuMicros;
  let program = 0;
  let postgres = 0;
  for (let second = 0; second < seconds; second += 1) {
    await pause(1000);
    const use = treeUse(root);
    program = Math.max(program, use.program.memoryBytes);
    postgres = Math.max(postgres, use.postgres.memoryBytes);
  }
  const spent = treeUse(root).program.cpuMicros - before;
  return {
    program_mib: Math.round(program / 2 ** 20),
    postgres_mib: Math.round(postgres / 2 ** 20),
    cpu_percent: Math.round(spent / seconds / 10_000),
  };
}
