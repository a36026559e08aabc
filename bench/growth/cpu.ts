import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds that a process has run, all its threads; /proc counts them finer than the 10 ms ticks of `stat` (Linux only). */
function nanosOf(pid: string): number {
  let sum = 0;
  try {
    for (const task of readdirSync(`/proc/${pid}/task`))
      sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  } catch {}
  return sum;
}

/** PostgreSQL's processes below one server, each with its title: `postgres: cqp growth_100000 [local] idle`. */
function serverProcesses(postmaster: number): { pid: string; title: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return parent === postmaster || Number(pid) === postmaster
          ? [{ pid, title: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') }]
          : [];
      } catch {
        return [];
      }
    });
}

export interface Used {
  /** Of the platform's process. */
  program: number;
  /** Of the sessions of this database. */
  sessions: number;
  /** Of the writers and the checkpointer: shared, counted while only this database is busy. */
  writers: number;
}

/** Processor time so far, in microseconds. A session that ended takes its time with it: pools keep theirs during a round. */
export function used(program: number, postmaster: number, database: string): Used {
  let [sessions, writers] = [0, 0];
  for (const { pid, title } of serverProcesses(postmaster)) {
    if (title.includes(` ${database} `)) sessions += nanosOf(pid);
    else if (/postgres: (walwriter|checkpointer|background writer)/.test(title)) writers += nanosOf(pid);
  }
  return { program: nanosOf(String(program)) / 1000, sessions: sessions / 1000, writers: writers / 1000 };
}
