import { readFile, writeFile } from 'node:fs/promises';
import { type Credentials, PlatformClient } from '../src/simulator/client.ts';
import { commandOptions, jsonOption } from '../tools/command-options.ts';
import { wholeOption } from '../tools/option-numbers.ts';
import { type OpenLoopResult, openLoop } from './load/open-loop.ts';
import type { Kind, Part } from './load/part.ts';
import { listenerOn, type MemoryPeak, memoryPeaks } from './process-tree.ts';

const USAGE = `usage: node bench/load.ts --url URL (--credentials FILE | --token-file FILE) [options]

An open-loop load: requests come as a Poisson process over keep-alive connections, whether or not earlier answers came, and latency counts from the
moment a request was due. Every create carries a fresh chip and an Idempotency-Key. Ends with status 1 when anything but 2xx (or 429 and 503 with
--shed) was answered, a connection was reset, or an answer did not come.

  --url URL            http://127.0.0.1:PORT
  --credentials FILE   demo-credentials.json: tokens of all its stations, renewed as they end
  --token-file FILE    tokens, one a line
  --rate N             requests a second                                          (834)
  --connections N      keep-alive connections                                     (10000)
  --seconds N          length of the steady part                                  (300)
  --settle N           seconds of the same load before it, which are not counted          (0)
  --give-up            what finds no free connection is not sent later
  --wait-as-told       a connection asks nothing while Retry-After is not over
  --burst N            then N requests within one second; alone with --seconds 0  (0)
  --mix LIST           create=70,read=20,list=5,report=5                          (create=100)
  --patience N         seconds to wait for the last answers                       (30)
  --shed               429 and 503 are no faults
  --pid N              the server's process, for its memory; found by the port when left out
  --json FILE          writes the figures
  --help               this text`;

const { values } = commandOptions({
  options: {
    url: { type: 'string' },
    credentials: { type: 'string' },
    'token-file': { type: 'string' },
    rate: { type: 'string', default: '834' },
    connections: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '300' },
    settle: { type: 'string', default: '0' },
    'give-up': { type: 'boolean', default: false },
    'wait-as-told': { type: 'boolean', default: false },
    burst: { type: 'string', default: '0' },
    mix: { type: 'string', default: 'create=100' },
    patience: { type: 'string', default: '30' },
    shed: { type: 'boolean', default: false },
    pid: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function fail(text: string): never {
  console.error(`${text}\n\n${USAGE}`);
  process.exit(2);
}

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
if (values.url === undefined || !URL.canParse(values.url)) fail('--url is missing');
if ((values.credentials === undefined) === (values['token-file'] === undefined)) fail('give one of --credentials and --token-file');

function count(name: 'rate' | 'connections' | 'seconds' | 'settle' | 'burst' | 'patience'): number {
  const value = Number(values[name]);
  if (!Number.isFinite(value) || value < 0) fail(`--${name} ${values[name]} is not a number`);
  return value;
}

if (count('burst') === 0 && (count('rate') === 0 || count('seconds') === 0))
  fail('there is nothing to send: give a --rate for some --seconds, or a --burst');
wholeOption('connections', values.connections);

function mixOf(text: string): Partial<Record<Kind, number>> {
  const shares = text.split(',').map((each) => each.split('=') as [Kind, string]);
  for (const [kind, share] of shares)
    if (!['create', 'read', 'list', 'report'].includes(kind) || !(Number(share) >= 0)) fail(`--mix ${text} is not understood`);
  return Object.fromEntries(shares.map(([kind, share]) => [kind, Number(share)]));
}

async function tokenSource(): Promise<() => Promise<readonly string[]>> {
  if (values['token-file'] !== undefined) {
    const tokens = (await readFile(values['token-file'], 'utf8')).split('\n').filter((line) => line.trim() !== '');
    return async () => tokens;
  }
  const { clients, token_endpoint } = await jsonOption<Credentials>('credentials', values.credentials as string);
  const stations = clients
    .filter((client) => client.station_id !== undefined)
    .map((client) => new PlatformClient({ url: values.url as string, tokenEndpoint: token_endpoint, client }));
  return () => Promise.all(stations.map((station) => station.token()));
}

function show(name: string, part: Part): void {
  const statuses = Object.entries(part.statuses).map(([status, times]) => `${times} x ${status}`);
  console.log(`${name}: ${part.due} due, ${part.answered} answered in ${part.seconds} s (${statuses.join(', ')})`);
  const { p50, p95, p99, max } = part.latency;
  console.log(`  P50 ${p50} ms, P95 ${p95} ms, P99 ${p99} ms, longest ${max} ms`);
  for (const [kind, one] of Object.entries(part.by_kind))
    console.log(`  ${kind}: ${one.answered}, P50 ${one.p50}, P95 ${one.p95}, P99 ${one.p99}`);
  console.log(
    `  5xx ${part.server_errors}, resets ${part.resets}, unanswered ${part.unanswered}, no free connection ${part.starved} times, given up ${part.given_up}`,
  );
  console.log(`  generator: ${Math.round(part.generator_cpu * 100)} % of a core, late by ${part.generator_late_p99} ms (P99)`);
}

const MOST_SHOWN = 4;
function showMemory(peaks: readonly MemoryPeak[]): void {
  for (const { name, pid, peak_mib } of peaks.slice(0, MOST_SHOWN)) console.log(`memory peak of ${name} (${pid}): ${peak_mib} MiB`);
}

function isGood(part: Part | undefined): boolean {
  if (part === undefined) return true;
  const shed = values.shed ? (part.statuses['429'] ?? 0) + (part.statuses['503'] ?? 0) : 0;
  return part.non_2xx === shed && part.resets === 0 && part.unanswered === 0;
}

const { hostname, port } = new URL(values.url);
// "localhost" may be two addresses; the platform listens on both.
const target = { host: hostname === 'localhost' ? '127.0.0.1' : hostname, port: Number(port || 80) };
const server = values.pid === undefined ? listenerOn(target.port) : Number(values.pid);
const result: OpenLoopResult & { memory?: MemoryPeak[] } = await openLoop({
  ...target,
  tokens: await tokenSource(),
  rate: count('rate'),
  connections: count('connections'),
  seconds: count('seconds'),
  settle: count('settle'),
  giveUp: values['give-up'],
  waitAsTold: values['wait-as-told'],
  burst: count('burst'),
  mix: mixOf(values.mix),
  patience: count('patience'),
  say: (text) => console.error(text),
});
if (server !== undefined) result.memory = memoryPeaks(server);
if (result.steady) show('steady', result.steady);
if (result.burst) show('burst', result.burst);
if (result.reopened > 0) console.log(`connections closed by the server between requests: ${result.reopened}`);
showMemory(result.memory ?? []);
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
process.exit(isGood(result.steady) && isGood(result.burst) ? 0 : 1);
