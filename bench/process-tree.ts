import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts processor time in ticks of 10 ms (`getconf CLK_TCK` is 100 everywhere that Node runs). */
const TICK_MICROS = 10_000;

interface Process {
  pid: number;
  parent: number;
  name: string;
  cpuMicros: number;
}

function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const close = stat.lastIndexOf(')');
        const fields = stat.slice(close + 2).split(' ');
        return [
          {
            pid: Number(name),
            parent: Number(fields[1]),
            name: stat.slice(stat.indexOf('(') + 1, close),
            cpuMicros: (Number(fields[11]) + Number(fields[12])) * TICK_MICROS,
          },
        ];
      } catch {
        return [];
      }
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

/** Processor time and memory of a process and all below it, PostgreSQL's servers counted apart. From /proc (Linux only). */
export function treeUse(root: number): { program: TreeUse; postgres: TreeUse } {
  const all = processes();
  const members = family(all, root);
  const use = { program: { cpuMicros: 0, memoryBytes: 0 }, postgres: { cpuMicros: 0, memoryBytes: 0 } };
  for (const one of all) {
    if (!members.has(one.pid)) continue;
    const side = one.name === 'postgres' ? use.postgres : use.program;
    side.cpuMicros += one.cpuMicros;
    try {
      side.memoryBytes += Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${one.pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
    } catch {}
  }
  return use;
}
