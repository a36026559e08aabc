import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Check } from 'typebox/value';
import { EVENT_PAYLOADS } from '../../src/contracts/event-payloads.ts';
import { type AnyEvent, TOPICS } from '../../src/contracts/events.ts';
import type { Database } from '../../src/platform/db/database.ts';
import { PARTITIONS } from '../../src/platform/db/envelope.ts';
import { commandOptions } from '../../tools/command-options.ts';
import { amountOption } from '../../tools/option-numbers.ts';
import { testDatabase } from '../support/database.ts';
import { openBroker, openLink } from '../support/kafka-broker.ts';
import { readTopic } from '../support/kafka-topics.ts';
import { runCommand, startPlatform, staysUp } from '../support/platform.ts';
import { type Posted, postSteadily } from './kafka-load.ts';

export type How = 'kill' | 'cut' | 'freeze';
export interface AwayFigures {
  how: How;
  awaySeconds: number;
  /** Creates answered, by status, over the whole run. */
  creates: Record<string, number>;
  /** Median and 99th percentile of a create (ms). */
  createMs: { before: [number, number]; away: [number, number] };
  /** What metrics and health said while the broker was away. */
  seen: { lagSeconds: number; readyAlways: boolean; degraded: boolean; eventsWaiting: number };
  /** From the broker's return until the relay had published what was waiting then, and until its consumers had applied it. */
  healed: { relaySeconds: number; appliedSeconds: number };
  events: { outbox: number; topics: number; writtenTwice: number };
  judged: number;
  faults: string[];
}

const percentiles = (times: number[]): [number, number] => {
  const sorted = times.toSorted((one, other) => one - other);
  return [sorted[Math.floor(sorted.length / 2)] ?? 0, sorted[Math.floor(sorted.length * 0.99)] ?? 0];
};

async function one<Row>(db: Database, sql: string): Promise<Row> {
  return (await db.pool.query(sql)).rows[0] as Row;
}
/** Events that the relay has not published, by the place it has saved. */
const waiting = async (db: Database): Promise<number> =>
  (
    await one<{ n: number }>(
      db,
      `select count(*)::int as n from platform.outbox o
       where (o.xid, o.seq) > (select xid, seq from platform.bus_position where consumer_group = 'relay' order by xid, seq limit 1)`,
    )
  ).n;

/** Lets the platform lose its broker under load, gives it back, and holds what the topics got against what was acknowledged. */
export async function measureAway(
  awaySeconds: number,
  how: How,
  say: (text: string) => void,
  rates = { steadySeconds: 4, aSecond: 30 },
): Promise<AwayFigures> {
  const closers: (() => Promise<unknown>)[] = [];
  const broker = await openBroker();
  closers.push(() => broker.end());
  try {
    const link = await openLink(broker.linked);
    closers.push(() => link.close());
    const { db, url } = await testDatabase({ after: (fn) => void closers.push(fn) });
    const dataDir = await mkdtemp(join(tmpdir(), 'cqp-away-'));
    closers.push(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 }));
    const environment = {
      DATABASE_URL: url,
      KAFKA_BROKERS: how === 'kill' ? broker.address : broker.linked,
      KAFKA_REPLICATION: '1',
      // A busy machine may take its time to open a connection of the database, which is not what is asked here.
      DB_CONNECT_TIMEOUT: '10s',
    };
    say((await runCommand(['migrate'], { ...environment, CQP_DATA_DIR: dataDir })).trim());
    const platform = await startPlatform(null, { dataDir, environment });
    closers.push(() => platform.stop());
    const stop = new AbortController();
    const posting = postSteadily(platform, rates.aSecond, stop.signal);
    await pause(rates.steadySeconds * 1000);

    say(`the broker goes (${how}) for ${awaySeconds} s`);
    const left = Date.now();
    if (how === 'kill') await broker.kill();
    else link[how]();
    const seen = { lagSeconds: 0, readyAlways: true, degraded: false, eventsWaiting: 0 };
    while (Date.now() - left < awaySeconds * 1000) {
      await pause(500);
      const metrics = await (await fetch(`${platform.url}/metrics`)).text();
      seen.lagSeconds = Math.max(seen.lagSeconds, Number(/^bus_lag_seconds\{group="relay"\} (\S+)/m.exec(metrics)?.[1] ?? 0));
      seen.readyAlways &&= await staysUp(platform.url);
      const health = (await (await fetch(`${platform.url}/health`)).json()) as { parts: { bus: { status: string } } };
      seen.degraded ||= health.parts.bus.status === 'degraded';
    }
    seen.eventsWaiting = await waiting(db);
    const back = Date.now();
    if (how === 'kill') await broker.start();
    else link.heal();
    // From the moment it serves: a killed broker takes its time to start.
    const served = Date.now();
    say(`the broker is back (start took ${served - back} ms), ${seen.eventsWaiting} events wait`);
    const mark = await one<{ xid: string }>(db, 'select pg_snapshot_xmax(pg_current_snapshot())::text as xid');
    await until(async () => {
      const behind = await one<{ n: number }>(
        db,
        `select count(*)::int as n from platform.bus_position where consumer_group = 'relay' and xid < '${mark.xid}'::xid8`,
      );
      return behind.n === 0;
    });
    const relaySeconds = (Date.now() - served) / 1000;
    await pause(rates.steadySeconds * 1000);
    stop.abort();
    const posted = await posting;
    const judged = () =>
      one<{ n: number; last: Date | null }>(db, "select count(*)::int as n from intake.inspection where status = 'completed'");
    await until(async () => (await judged()).n >= posted.judgeable.length).catch(async () => say((await platform.log()).slice(-4000)));
    // The last verdicts are events too.
    await until(async () => (await waiting(db)) === 0);
    // Those created before the broker was back are the ones whose effect had to wait for it.
    const applied = await one<{ at: Date }>(
      db,
      `select max(a.recorded_at) as at from platform.audit a join intake.inspection i on i.id::text = a.object_id
       where a.action = 'inspection.judged' and i.created_at < to_timestamp(${back / 1000})`,
    );
    const faults = await judge(db, broker.address, posted);
    const during = (from: number, to: number) => posted.times.filter(({ at }) => at >= from && at < to).map(({ took }) => took);
    return {
      how,
      awaySeconds,
      creates: posted.statuses,
      createMs: { before: percentiles(during(0, left)), away: percentiles(during(left, back)) },
      seen,
      healed: { relaySeconds, appliedSeconds: Math.max(0, applied.at.getTime() - served) / 1000 },
      ...faults,
    };
  } finally {
    for (const close of closers.reverse()) await close().catch((error: unknown) => say(String(error)));
  }
}

async function tally(db: Database, sql: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { id } of (await db.pool.query<{ id: string }>(sql)).rows) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

async function until(check: () => Promise<boolean>, seconds = 120): Promise<void> {
  for (const end = Date.now() + seconds * 1000; !(await check()); await pause(50))
    if (Date.now() > end) throw new Error(`not within ${seconds} s`);
}

/** acknowledged <= database = topics = effects, each once; the versions of a record in order where they first stand in a topic. */
async function judge(db: Database, brokers: string, posted: Posted): Promise<Pick<AwayFigures, 'events' | 'judged' | 'faults'>> {
  const faults: string[] = [];
  const { rows } = await db.pool.query<{ id: string; topic: string }>('select event_id as id, topic from platform.outbox');
  const missing = new Map(rows.map(({ id, topic }) => [id, topic]));
  const met = new Set<string>();
  const versions = new Map<string, number>();
  let writtenTwice = 0;
  for (const topic of TOPICS)
    for (const { value, headers } of await readTopic(brokers, topic, PARTITIONS)) {
      const event = JSON.parse(value.toString('utf8')) as AnyEvent;
      if (!Check(EVENT_PAYLOADS[event.event_type], event.payload)) faults.push(`${event.event_id}: not a payload of ${event.event_type}`);
      if (headers.event_id !== event.event_id) faults.push(`${event.event_id}: the header names another`);
      if (met.has(event.event_id)) {
        writtenTwice += 1;
        continue;
      }
      met.add(event.event_id);
      if (missing.get(event.event_id) !== topic) faults.push(`${event.event_id} stands in ${topic} and not so in the outbox`);
      missing.delete(event.event_id);
      const { type, id, version } = event.aggregate;
      const last = versions.get(`${topic} ${type} ${id}`) ?? 0;
      if (version < last) faults.push(`${type} ${id}: version ${version} stands after ${last}`);
      versions.set(`${topic} ${type} ${id}`, version);
    }
  for (const [id, topic] of missing) faults.push(`${id} is not in ${topic}`);
  const kept = await db.pool.query<{ id: string; status: string }>('select id, status from intake.inspection');
  const status = new Map(kept.rows.map((row) => [row.id, row.status]));
  const effects = await tally(db, "select object_id as id from platform.audit where action = 'inspection.judged'");
  const told = await tally(
    db,
    `select event -> 'aggregate' ->> 'id' as id from platform.outbox
     where topic = 'inspection.lifecycle' and event ->> 'event_type' = 'inspection.judged'`,
  );
  for (const id of posted.created) if (!status.has(id)) faults.push(`${id} was acknowledged and is not there`);
  for (const id of posted.judgeable) {
    if (status.get(id) !== 'completed' || effects.get(id) !== 1 || told.get(id) !== 1)
      faults.push(`${id} is ${status.get(id)}, with ${effects.get(id) ?? 0} audit entries and ${told.get(id) ?? 0} events of its verdict`);
  }
  return { events: { outbox: rows.length, topics: met.size, writtenTwice }, judged: posted.judgeable.length, faults };
}

if (import.meta.main) {
  const { values } = commandOptions({
    options: {
      seconds: { type: 'string', default: '60' },
      how: { type: 'string', default: 'kill' },
      rate: { type: 'string', default: '30' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || !['kill', 'cut', 'freeze'].includes(values.how))
    console.log(`usage: node test/proof/kafka-away.ts [--seconds 60] [--how kill|cut|freeze] [--rate 30]

Runs the platform on a Kafka broker of its own (Java 17 and Maven are needed), posts inspections at a steady rate, takes the broker away for a while (SIGKILL,
the link cut, or the link frozen) and checks that creates go on, that the lag shows, and that nothing is lost, reordered or applied twice.`);
  else {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
    const figures = await measureAway(amountOption('seconds', values.seconds), values.how as How, (text) => console.error(text), {
      steadySeconds: 4,
      aSecond: amountOption('rate', values.rate),
    });
    console.log(JSON.stringify({ ...figures, faults: figures.faults.slice(0, 20) }));
    process.exitCode = figures.faults.length > 0 ? 1 : 0;
    process.exit();
  }
}
