import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Linux counts processor time in ticks of 10 ms (`getconf CLK_TCK` is 100 everywhere that Node runs). */
const TICK_MICROS = 10_000;

export interface Process {
  pid: number;
  parent: number;
  name: string;
  /** Its own and that of children that ended and were waited for. */
  cpuMicros: number;
}

/** One line of /proc/PID/stat; a name may hold spaces and brackets, so the fields are counted from the last bracket. */
export function parseStat(pid: number, stat: string): Process {
  const close = stat.lastIndexOf(')');
  const fields = stat.slice(close + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid, parent: Number(fields[1]), name: stat.slice(stat.indexOf('(') + 1, close), cpuMicros: ticks * TICK_MICROS };
}

/** The first line of /proc/stat: what all cores were busy with, and what the host took away, in microseconds. */
export function parseMachine(stat: string): { busyMicros: number; stolenMicros: number } {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = stat
    .split('\n', 1)[0]!
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return { busyMicros: (user + nice + system + irq + softirq) * TICK_MICROS, stolenMicros: steal * TICK_MICROS };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = read(`/proc/${name}/stat`);
      return stat === '' ? [] : [parseStat(Number(name), stat)];
    });
}

export interface TreeUse {
  cpuMicros: number;
  /** Proportional set size, so that shared pages count once. */
  memoryBytes: number;
}

function family(all: readonly Process[], root: number): Set<number> {
  const members = new Set([root]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const one of all)
      if (members.has(one.parent) && !members.has(one.pid)) {
        members.add(one.pid);
        grew = true;
      }
  }
  return members;
}

/** Processes of this name below a process. */
export function familyOf(root: number, name: string): number[] {
  const all = processes();
  const members = family(all, root);
  return all.filter((one) => members.has(one.pid) && one.name === name).map((one) => one.pid);
}

/** Processor time of a process and all below it, PostgreSQL's servers counted apart (microseconds). From /proc (Linux only). */
export function treeCpu(root: number): { program: number; postgres: number } {
  const all = processes();
  const members = family(all, root);
  const use = { program: 0, postgres: 0 };
  for (const one of all) if (members.has(one.pid)) use[one.name === 'postgres' ? 'postgres' : 'program'] += one.cpuMicros;
  return use;
}

/** Processor time and memory of a process and all below it, PostgreSQL's servers counted apart. From /proc (Linux only). */
export function treeUse(root: number): { program: TreeUse; postgres: TreeUse } {
  const all = processes();
  const members = family(all, root);
  const use = { program: { cpuMicros: 0, memoryBytes: 0 }, postgres: { cpuMicros: 0, memoryBytes: 0 } };
  for (const one of all) {
    if (!members.has(one.pid)) continue;
    const side = one.name === 'postgres' ? use.postgres : use.program;
    side.cpuMicros += one.cpuMicros;
    side.memoryBytes += Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${one.pid}/smaps_rollup`))?.[1] ?? 0) * 1024;
  }
  return use;
}

export function machineUse(): { busyMicros: number; stolenMicros: number } {
  return parseMachine(read('/proc/stat'));
}

export interface MemoryPeak {
  pid: number;
  name: string;
  /** `VmHWM`: the most that was ever resident since the process began. */
  peak_mib: number;
  now_mib: number;
}

/** Memory of each process of a tree, the largest peak first. */
export function memoryPeaks(root: number): MemoryPeak[] {
  const all = processes();
  const members = family(all, root);
  return all
    .filter((one) => members.has(one.pid))
    .map(({ pid, name }) => {
      const status = read(`/proc/${pid}/status`);
      const mib = (field: string) => Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024);
      return { pid, name, peak_mib: mib('VmHWM'), now_mib: mib('VmRSS') };
    })
    .sort((one, other) => other.peak_mib - one.peak_mib);
}

/** The process that listens on a port of this machine, or undefined where /proc does not tell. */
export function listenerOn(port: number): number | undefined {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6'])
    for (const line of read(table).split('\n')) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(wanted) && fields[3] === '0A') inodes.add(`socket:[${fields[9]}]`);
    }
  if (inodes.size === 0) return undefined;
  // A worker that inherited the socket listens too: the oldest of them is the one above.
  return processes()
    .map(({ pid }) => pid)
    .sort((one, other) => one - other)
    .find((pid) => holdsOneOf(pid, inodes));
}

function holdsOneOf(pid: number, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return inodes.has(readlinkSync(`/proc/${pid}/fd/${fd}`));
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}
