import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOptions } from '../../tools/command-options.ts';
import { amountOption, wholeOption } from '../../tools/option-numbers.ts';
import { onGround } from '../ground.ts';
import { memoryPeaks } from '../process-tree.ts';
import { runOnce } from '../rounds.ts';
import { startOurs } from '../sides/ours.ts';

const { values } = commandOptions({
  options: {
    seconds: { type: 'string', default: '6' },
    connections: { type: 'string', default: '64' },
    node: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`usage: node bench/micro/collector.ts [--seconds 6] [--connections 64] [--node=--OPTION]...

What V8's collector does while our server is asked for all creations that it can take: memory of JavaScript that a request takes, how much
of it comes into the old generation, how often that is collected (node --trace-gc), and the share of V8's own threads in the server's processor time.
--node gives the server's Node an option beside its own, as --node=--allocation-site-pretenuring; may be given more than once.`);
  process.exit(0);
}

const WARMUP = 2;
const TRACED = /ms: (Scavenge|Mark-Compact).*? ([\d.]+) \([\d.]+\) -> ([\d.]+)/;

interface Collection {
  old: boolean;
  /** MB of the heap. */
  before: number;
  after: number;
}

/** Ticks of the clock by name of the thread. */
function threads(pid: number): Map<string, number> {
  const sums = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    const end = text.lastIndexOf(')');
    const [user, system] = text
      .slice(end + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    const name = text.slice(text.indexOf('(') + 1, end);
    sums.set(name, (sums.get(name) ?? 0) + (user ?? 0) + (system ?? 0));
  }
  return sums;
}

function collections(log: string): Collection[] {
  return log.split('\n').flatMap((line) => {
    const found = TRACED.exec(line);
    return found === null ? [] : [{ old: found[1] === 'Mark-Compact', before: Number(found[2]), after: Number(found[3]) }];
  });
}

const seconds = amountOption('seconds', values.seconds);
const connections = wholeOption('connections', values.connections);
await onGround(async ({ add, database, folder }) => {
  const side = add(await startOurs(database, folder, ['--trace-gc', ...values.node]));
  const log = () => readFileSync(join(folder, 'ours.log'), 'utf8');
  const load = { connections, warmup: WARMUP, cores: 2 };
  await runOnce(side, database, { ...load, seconds: 4 });
  const [begun, ticks] = [log().length, threads(side.pid)];
  const run = await runOnce(side, database, { ...load, seconds });
  const seen = collections(log().slice(begun));
  const spent = [...threads(side.pid)].map(([name, sum]) => [name, sum - (ticks.get(name) ?? 0)] as const);
  const all = spent.reduce((sum, [, own]) => sum + own, 0);
  const young = seen.filter(({ old }) => !old);
  // Between two collections of the young generation alone: what was taken, and what the second left behind.
  const pairs = seen.flatMap((one, at) => {
    const before = seen[at - 1];
    return before === undefined || one.old || before.old ? [] : [{ taken: one.before - before.after, kept: one.after - before.after }];
  });
  const requests = (run.requests_s * (seconds + WARMUP)) / young.length;
  const mean = (of: (pair: { taken: number; kept: number }) => number) => pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length;
  const kib = (of: (pair: { taken: number; kept: number }) => number) => Number(((mean(of) * 1e3) / requests).toFixed(1));
  const v8 = spent.find(([name]) => name === 'V8Worker')?.[1] ?? 0;
  console.log(
    JSON.stringify({
      requests_s: Math.round(run.requests_s),
      server_cpu_us: Math.round(run.cpu_us),
      taken_kb: kib(({ taken }) => taken),
      into_old_kb: kib(({ kept }) => kept),
      old_collected: seen.length - young.length,
      seconds: seconds + WARMUP,
      heap_after_mb: seen.findLast(({ old }) => old)?.after ?? null,
      v8_threads_percent: Math.round((v8 / all) * 100),
      resident_mib: memoryPeaks(side.pid)[0]?.now_mib,
    }),
  );
});
process.exit(0);
