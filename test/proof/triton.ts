import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Inspection } from '../../src/contracts/inspections.ts';
import type { Database } from '../../src/platform/db/database.ts';
import { inspectBoard } from '../../src/simulator/boards/board.ts';
import { encodePng } from '../../src/simulator/boards/png.ts';
import { makeProducts, type Product, writeProducts } from '../../src/simulator/products.ts';
import { commandOptions } from '../../tools/command-options.ts';
import { amountOption } from '../../tools/option-numbers.ts';
import { testDatabase } from '../support/database.ts';
import { type Link, openLink } from '../support/link.ts';
import { type RunningPlatform, runCommand, startPlatform, staysUp } from '../support/platform.ts';
import { realTriton } from '../support/triton.ts';

export const FAULTS = ['stop', 'kill', 'hole', 'stub'] as const;
export type Fault = (typeof FAULTS)[number];

export interface FaultFigures {
  fault: Fault;
  awaySeconds: number;
  /** From the fault until runs were no longer let through (null: they always were). */
  openedSeconds: number | null;
  /** From the moment at which the server could answer again (of a stub: at which it died) until a run had been done by it. */
  recoveredSeconds: number;
  /** Most inspections that were seen waiting for the model. */
  waiting: number;
  readyAlways: boolean;
  degraded: boolean;
}
export interface TritonFigures {
  protocol: 'grpc' | 'http';
  fallback: boolean;
  posted: number;
  faults: FaultFigures[];
  /** Deciding runs by the runtime that their record names. */
  runtimes: Record<string, number>;
  /** Seconds from the picture to the run's end: median and most. */
  judgedSeconds: { median: number; most: number };
  retries: number;
  reloads: number;
  wrong: string[];
}

interface Options {
  faults: readonly Fault[];
  protocol: 'grpc' | 'http';
  fallback: boolean;
  awaySeconds: number;
  steadySeconds: number;
  aSecond: number;
}

type Triton = Awaited<ReturnType<typeof realTriton>>;

/** Takes the server away; answers how it comes back. */
async function strike(fault: Fault, triton: Triton, link: Link): Promise<() => Promise<void>> {
  switch (fault) {
    case 'stop':
      triton.server.process.kill('SIGSTOP');
      return async () => void triton.server.process.kill('SIGCONT');
    case 'kill':
      await triton.server.kill();
      return async () => {
        triton.server = await triton.again();
      };
    case 'hole':
      link.swallow();
      return async () => link.heal();
    case 'stub':
      for (const pid of triton.server.stubs()) process.kill(pid, 'SIGKILL');
      return async () => undefined;
  }
}

/** Boards at a steady rate through the station's client; what was acknowledged with its picture counts. */
function postBoards(platform: RunningPlatform, product: Product, aSecond: number, stop: AbortSignal) {
  const acknowledged: string[] = [];
  const client = platform.station();
  const pictures = [0, 1, 2, 3].map((defects) => encodePng(inspectBoard(product.template, { seed: 70 + defects, defects }).picture));
  const flying = new Set<Promise<void>>();
  const post = async (chip: number) => {
    const board = { lot_id: 'LOT-2026-001', chip_id: `UNIT-${chip}`, inspection_type: 'visual', priority: 1 + (chip % 10) };
    const { id } = await client.send<Inspection>('POST', '/v1/inspections', board);
    await client.upload('POST', `/v1/inspections/${id}/artifacts?kind=image`, pictures[chip % pictures.length] as Buffer, 'image/png');
    acknowledged.push(id);
  };
  const done = (async () => {
    for (let chip = 0; !stop.aborted; chip += 1) {
      const posting = post(chip).catch((error: unknown) => console.error(`UNIT-${chip}: ${String(error)}`));
      flying.add(posting);
      void posting.finally(() => flying.delete(posting));
      await pause(1000 / aSecond);
    }
    await Promise.all(flying);
  })();
  return { acknowledged, done };
}

const number = async (db: Database, sql: string): Promise<number> => Number((await db.pool.query<{ n: string }>(sql)).rows[0]?.n ?? 0);
const figure = (text: string, name: string): number =>
  [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce((sum, [, value]) => sum + Number(value), 0);
const metricsOf = async ({ url }: RunningPlatform): Promise<string> => await (await fetch(`${url}/metrics`)).text();

async function until(what: string, check: () => Promise<boolean>, seconds = 90): Promise<number> {
  const began = performance.now();
  while (!(await check())) {
    if (performance.now() - began > seconds * 1000) throw new Error(`${what}: not within ${seconds} s`);
    await pause(50);
  }
  return Number(((performance.now() - began) / 1000).toFixed(2));
}

async function suffer(fault: Fault, awaySeconds: number, platform: RunningPlatform, db: Database, triton: Triton, link: Link) {
  const seen = { waiting: 0, readyAlways: true, degraded: false };
  let openedSeconds: number | null = null;
  const reloads = async () => figure(await metricsOf(platform), 'inference_reloads_total');
  const reloadsBefore = await reloads();
  const struck = performance.now();
  const heal = await strike(fault, triton, link);
  // Of a stub nobody heals but the platform itself: its time counts from the fault.
  while (fault === 'stub' ? (await reloads()) === reloadsBefore : performance.now() - struck < awaySeconds * 1000) {
    if (openedSeconds === null && figure(await metricsOf(platform), 'inference_breaker_state') > 0)
      openedSeconds = Number(((performance.now() - struck) / 1000).toFixed(2));
    seen.readyAlways &&= await staysUp(platform.url);
    const health = (await (await fetch(`${platform.url}/health`)).json()) as { parts: { inference: { status: string } } };
    seen.degraded ||= health.parts.inference.status === 'degraded';
    seen.waiting = Math.max(seen.waiting, await number(db, "select count(*) as n from intake.inspection where status = 'in_progress'"));
    await pause(100);
  }
  await heal();
  const runs = "select count(*) as n from inference.run where runtime like 'triton%'";
  const before = await number(db, runs);
  const after = await until('judged again', async () => (await number(db, runs)) > before);
  const recoveredSeconds = fault === 'stub' ? Number(((performance.now() - struck) / 1000).toFixed(2)) : after;
  return { fault, awaySeconds: fault === 'stub' ? 0 : awaySeconds, openedSeconds, recoveredSeconds, ...seen };
}

/** Every board exactly one deciding run that ended well, one verdict (or one wait for a person) in the events and one in the audit trail. */
async function judge(db: Database, ids: readonly string[]): Promise<string[]> {
  const wrong: string[] = [];
  const counts = async (sql: string) => new Map((await db.pool.query<{ id: string; n: number }>(sql)).rows.map(({ id, n }) => [id, n]));
  const told = (table: 'outbox' | 'audit', words: readonly string[]) => {
    const list = words.map((word) => `'${word}'`).join(', ');
    return table === 'outbox'
      ? `select event -> 'aggregate' ->> 'id' as id, count(*)::int as n from platform.outbox where event ->> 'event_type' in (${list}) group by 1`
      : `select object_id as id, count(*)::int as n from platform.audit where action in (${list}) group by 1`;
  };
  const verdicts = ['inspection.judged', 'inspection.waiting'];
  for (const [what, found] of [
    [
      'deciding runs',
      await counts(
        'select r.inspection_id as id, count(*)::int as n from inference.run r join inference.job j using (operation_id) where j.decides group by 1',
      ),
    ],
    [
      'jobs',
      await counts("select inspection_id as id, count(*)::int as n from inference.job where decides and state = 'succeeded' group by 1"),
    ],
    ['verdict events', await counts(told('outbox', verdicts))],
    ['verdicts in the audit trail', await counts(told('audit', verdicts))],
  ] as const)
    for (const id of ids) if (found.get(id) !== 1) wrong.push(`${id} has ${found.get(id) ?? 0} ${what}`);
  return wrong;
}

/** The platform on a real Triton that is taken away under load, in several ways, one after the other. */
export async function measureTriton(options: Options, say: (text: string) => void): Promise<TritonFigures> {
  const closers: (() => unknown)[] = [];
  const t = { after: (fn: () => unknown) => void closers.push(fn) };
  try {
    const triton = await realTriton(t);
    const link = await openLink(triton.server.ports[options.protocol]);
    t.after(() => link.close());
    const { db, url } = await testDatabase({ after: (fn) => void closers.push(fn) });
    const dataDir = await mkdtemp(join(tmpdir(), 'cqp-triton-away-'));
    t.after(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 }));
    const environment = {
      DATABASE_URL: url,
      TRITON_URL: `${options.protocol}://127.0.0.1:${link.port}`,
      TRITON_FALLBACK: options.fallback ? 'embedded' : 'off',
      DB_CONNECT_TIMEOUT: '10s',
    };
    await runCommand(['migrate'], { ...environment, CQP_DATA_DIR: dataDir });
    const platform = await startPlatform(null, { dataDir, environment });
    t.after(() => platform.stop());
    const [product] = makeProducts(13, 1) as [Product];
    const erp = platform.station('erp-hamburg');
    await writeProducts(erp, [product]);
    await erp.send('PUT', '/v1/lots/LOT-2026-001', { product: product.code, revision: product.revision });
    const stop = new AbortController();
    t.after(() => stop.abort());
    const posting = postBoards(platform, product, options.aSecond, stop.signal);
    const faults: FaultFigures[] = [];
    for (const fault of options.faults) {
      const before = await number(db, 'select count(*) as n from inference.run');
      await until('boards are judged', async () => (await number(db, 'select count(*) as n from inference.run')) > before);
      await pause(options.steadySeconds * 1000);
      say(`${fault} for ${options.awaySeconds} s`);
      faults.push(await suffer(fault, options.awaySeconds, platform, db, triton, link));
      say(JSON.stringify(faults.at(-1)));
    }
    await pause(options.steadySeconds * 1000);
    stop.abort();
    await posting.done;
    const ids = posting.acknowledged;
    const settled = () => number(db, "select count(*) as n from intake.inspection where status in ('completed', 'awaiting_review')");
    await until('all judged', async () => (await settled()) >= ids.length, 180).catch(async (error) => {
      say((await platform.log()).slice(-4000));
      throw error;
    });
    // A second verdict would come soon after the first.
    await pause(2000);
    const wrong = await judge(db, ids);
    const { rows } = await db.pool.query<{ runtime: string; n: number }>(
      'select runtime, count(*)::int as n from inference.run group by 1',
    );
    const times = await db.pool.query<{ median: number; most: number }>(
      `select percentile_cont(0.5) within group (order by s)::float8 as median, max(s)::float8 as most from
       (select extract(epoch from r.finished_at - j.created_at) as s from inference.run r join inference.job j using (operation_id)) t`,
    );
    const text = await metricsOf(platform);
    return {
      protocol: options.protocol,
      fallback: options.fallback,
      posted: ids.length,
      faults,
      runtimes: Object.fromEntries(rows.map(({ runtime, n }) => [runtime, n])),
      judgedSeconds: { median: Number(times.rows[0]?.median.toFixed(2)), most: Number(times.rows[0]?.most.toFixed(2)) },
      retries: figure(text, 'inference_retries_total'),
      reloads: figure(text, 'inference_reloads_total'),
      wrong,
    };
  } finally {
    for (const close of closers.reverse()) await Promise.resolve(close()).catch((error: unknown) => say(String(error)));
  }
}

if (import.meta.main) {
  const { values } = commandOptions({
    options: {
      faults: { type: 'string', default: FAULTS.join(',') },
      protocol: { type: 'string', default: 'grpc' },
      fallback: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '30' },
      rate: { type: 'string', default: '3' },
      help: { type: 'boolean', default: false },
    },
  });
  const faults = values.faults.split(',') as Fault[];
  if (values.help || !faults.every((fault) => FAULTS.includes(fault)) || !['grpc', 'http'].includes(values.protocol))
    console.log(`usage: node test/proof/triton.ts [--faults ${FAULTS.join(',')}] [--seconds 30] [--rate 3] [--protocol grpc|http] [--fallback]

Runs the platform on a real Triton of its own (tools/servers/triton/install.sh install), posts boards at a steady rate and takes the server away under
that load: stop (SIGSTOP), kill (SIGKILL, and a new one afterwards), hole (a link that swallows everything), stub (SIGKILL of the process that runs the
model inside the server, which goes on saying that it is ready). Prints one JSON line: when the breaker opened, when the server was used again, and
every board that was not judged exactly once. --fallback lets the embedded runtime run what Triton cannot.`);
  else {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
    const figures = await measureTriton(
      {
        faults,
        protocol: values.protocol as 'grpc' | 'http',
        fallback: values.fallback,
        awaySeconds: amountOption('seconds', values.seconds),
        steadySeconds: 5,
        aSecond: amountOption('rate', values.rate),
      },
      (text) => console.error(text),
    );
    console.log(JSON.stringify({ ...figures, wrong: figures.wrong.slice(0, 20) }));
    process.exit(figures.wrong.length > 0 ? 1 : 0);
  }
}
