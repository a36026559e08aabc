import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  // A zombie holds no file and no memory: it only waits for its parent.
  return stateOf(pid) !== 'Z';
}

function stateOf(pid: number): string {
  return statFields(pid)[0] ?? '';
}

/** The fields of /proc/PID/stat after the command's name, which may hold blanks and brackets itself. */
function statFields(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** When a process began, in words that never change while it runs; '' when that cannot be told. */
export function startOf(pid: number): string {
  if (process.platform === 'linux') return statFields(pid)[19] ?? '';
  if (process.platform === 'win32') return '';
  return spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).stdout?.trim() ?? '';
}

/** Whether this process is a PostgreSQL server on that data folder. */
export function isServerOn(pid: number, dataFolder: string): boolean {
  try {
    if (process.platform === 'linux') {
      return readlinkSync(`/proc/${pid}/cwd`) === dataFolder && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('postgres');
    }
  } catch {
    return false;
  }
  if (process.platform === 'win32') return isRunning(pid);
  const { stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return (stdout ?? '').includes('postgres') && stdout.includes(dataFolder);
}

/**
 * What a PostgreSQL server on that data folder left behind: its processes leave with it, but one that is frozen does not notice, and no other server starts
 * beside it. None whose server lives, and none that merely works in the folder: PostgreSQL titles its own. Empty where there is no /proc.
 */
export function orphansOn(dataFolder: string): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isServerOn(pid, dataFolder) && isTitled(pid) && !isServerOn(Number(statFields(pid)[1]), dataFolder));
}

function isTitled(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('postgres: ');
  } catch {
    return false;
  }
}

/** @returns whether it is gone */
export async function waitGone(pid: number, limitMs: number): Promise<boolean> {
  const end = Date.now() + limitMs;
  while (isRunning(pid)) {
    if (Date.now() > end) return false;
    await sleep(20);
  }
  return true;
}
