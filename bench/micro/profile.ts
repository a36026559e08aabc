import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { commandOptions } from '../../tools/command-options.ts';
import { amountOption, wholeOption } from '../../tools/option-numbers.ts';
import { onGround } from '../ground.ts';
import type { Form } from '../load/request.ts';
import { type Run, runOnce } from '../rounds.ts';
import { startOurs } from '../sides/ours.ts';

const { values } = commandOptions({
  options: {
    form: { type: 'string', default: 'create' },
    seconds: { type: 'string', default: '8' },
    connections: { type: 'string' },
    top: { type: 'string', default: '30' },
    files: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`usage: node bench/micro/profile.ts [--form create|batch_json|batch_ndjson] [--seconds 8] [--connections N] [--top 30] [--files]

Where our server's time goes while it is asked for all that it can give: V8's sampling profile of the counted seconds, by function, self time alone;
with --files what each file of ours takes, with all that it calls outside ours (Node, packages). The profiler costs some of what it measures (a tenth to
a quarter): shares are what it shows. 64 connections, 4 for batches.`);
  process.exit(0);
}

const FORMS: readonly string[] = ['create', 'batch_json', 'batch_ndjson'] satisfies Form[];
if (!FORMS.includes(values.form)) {
  console.error(`--form ${values.form}: known are ${FORMS.join(', ')}`);
  process.exit(2);
}

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number }; children?: number[] }[];
  samples: number[];
  timeDeltas: number[];
  startTime: number;
  endTime: number;
}

const ROOT = new URL('../../', import.meta.url).pathname;
function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const file = url.startsWith('file://') ? relative(ROOT, url.slice(7)).replace(/^.*node_modules\//, '') : url;
  return `${functionName || '(anonymous)'} ${file}${file === '' ? '' : `:${lineNumber + 1}`}`;
}

/** For each node the nearest file of ours that it was called from; its own function where there is none. */
function filesOf(nodes: Profile['nodes']): Map<number, string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const files = new Map<number, string>();
  const visit = (id: number, above: string | undefined): void => {
    const node = byId.get(id);
    if (!node) return;
    const path = node.callFrame.url.startsWith('file://') ? relative(ROOT, node.callFrame.url.slice(7)) : '';
    const file = path !== '' && !path.includes('node_modules/') ? path : above;
    files.set(id, file ?? nameOf(node.callFrame));
    for (const child of node.children ?? []) visit(child, file);
  };
  visit(nodes[0]?.id ?? 1, undefined);
  return files;
}

/** Samples by function between two moments. They are counted, not weighed with their time: that holds what others took of the core as well. */
function samplesOf({ nodes, samples, timeDeltas, startTime }: Profile, from: number, to: number): Map<string, number> {
  const names = values.files ? filesOf(nodes) : new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const sums = new Map<string, number>();
  let at = startTime;
  for (const [index, id] of samples.entries()) {
    const delta = timeDeltas[index] ?? 0;
    at += delta;
    const name = names.get(id) ?? '';
    if (at >= from && at <= to) sums.set(name, (sums.get(name) ?? 0) + 1);
  }
  return sums;
}

const seconds = amountOption('seconds', values.seconds);
const connections = wholeOption('connections', values.connections ?? (values.form === 'create' ? '64' : '4'));
const top = wholeOption('top', values.top);
let run: Run | undefined;
const shown = await onGround(async ({ add, database, folder }) => {
  const profiles = join(folder, 'profiles');
  process.env.NODE_OPTIONS = `--cpu-prof --cpu-prof-interval=500 --cpu-prof-dir=${profiles}`;
  const side = add(await startOurs(database, folder).finally(() => delete process.env.NODE_OPTIONS));
  run = await runOnce(side, database, {
    form: values.form as Form,
    connections,
    seconds,
    warmup: 2,
    cores: 2,
  });
  const waited = performance.now();
  await side.stop();
  // The start with lean memory is another program in the same process, with a profile of its own before it.
  const file = (await readdir(profiles))
    .filter((name) => name.includes(`.${side.pid}.0.`))
    .sort()
    .at(-1);
  if (file === undefined) throw new Error('no profile was written');
  const profile = JSON.parse(await readFile(join(profiles, file), 'utf8')) as Profile;
  const gone = (performance.now() - waited) * 1000;
  return samplesOf(profile, profile.endTime - gone - seconds * 1_000_000, profile.endTime - gone);
});
const total = [...shown].reduce((sum, [name, count]) => (name === '(idle) ' ? sum : sum + count), 0);
console.log(
  `${values.form}: ${run?.requests_s.toFixed(0)} inspections/s, server CPU ${run?.cpu_us.toFixed(0)} us a request, PostgreSQL ${run?.postgres_cpu_us.toFixed(0)} us`,
);
console.log(`${total} samples\n| share | function |\n|---|---|`);
const found = [...shown].filter(([name]) => name !== '(idle) ').sort((one, other) => other[1] - one[1]);
for (const [name, count] of found.slice(0, top)) console.log(`| ${((count / total) * 100).toFixed(1)} % | ${name.trim()} |`);
process.exit(0);
