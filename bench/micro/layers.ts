import { cpus } from 'node:os';
import { commandOptions } from '../../tools/command-options.ts';
import { amountOption, wholeOption } from '../../tools/option-numbers.ts';
import { onGround } from '../ground.ts';
import { LAYERS } from '../load/layers.ts';
import { type Run, runOnce } from '../rounds.ts';
import { startOurs } from '../sides/ours.ts';
import { startPlain } from '../sides/plain.ts';
import { median, mirrored } from '../stats.ts';

const { values } = commandOptions({
  options: {
    rounds: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`usage: node bench/micro/layers.ts [--rounds 4] [--seconds 3]

Of what the create route costs before a row is written: a socket that is read and answered, bare Node http, then Fastify with one duty more a step (each
with the platform's own part, in the leanest form), then the platform's own application without a database, then the platform. Differences are medians
over mirrored rounds of the difference in the same round.`);
  process.exit(0);
}

const seconds = amountOption('seconds', values.seconds);
const rounds = wholeOption('rounds', values.rounds);
await onGround(async ({ add, database, folder, sides }) => {
  const ours = await startOurs(database, folder);
  for (const kind of ['node_net', 'node_http', ...LAYERS, 'control']) add(await startPlain(kind, ours, folder));
  add(ours);
  const runs = new Map<string, Run[]>(sides.map(({ name }) => [name, []]));
  const options = { connections: 64, seconds, warmup: 1, cores: cpus().length };
  for (let round = 0; round < rounds; round += 1) {
    for (const side of mirrored(sides)) {
      process.stderr.write(`\rround ${round + 1} of ${values.rounds}: ${side.name}            `);
      runs.get(side.name)?.push(await runOnce(side, database, options));
    }
  }
  process.stderr.write('\r');
  const cpu = (name: string) => (runs.get(name) ?? []).map(({ cpu_us }) => cpu_us);
  const names = [...runs.keys()];
  const steps = new Set<string>(['node_http', ...LAYERS]);
  console.log('| step | requests/s | server CPU us | more than the step before |\n|---|---|---|---|');
  for (const [index, name] of names.entries()) {
    const own = cpu(name);
    const before = cpu(names[index - 1] ?? '');
    const more = index === 0 ? '' : median(own.map((each, round) => each - (before[round] ?? each))).toFixed(1);
    const rate = median((runs.get(name) ?? []).map(({ requests_s }) => requests_s));
    console.log(`| ${steps.has(name) ? '+ ' : ''}${name} | ${rate.toFixed(0)} | ${median(own).toFixed(1)} | ${more} |`);
  }
});
process.exit(0);
