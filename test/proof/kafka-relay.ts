import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { median } from '../../bench/stats.ts';
import type { PlatformEvent } from '../../src/contracts/events.ts';
import { kafkaBus } from '../../src/platform/bus/kafka/kafka-bus.ts';
import { kafkaNames } from '../../src/platform/bus/kafka/names.ts';
import { openTail } from '../../src/platform/bus/tail.ts';
import { openDoor } from '../../src/platform/db/door.ts';
import { commandOptions } from '../../tools/command-options.ts';
import { amountOption, wholeOption } from '../../tools/option-numbers.ts';
import { testDatabase } from '../support/database.ts';
import { openBroker } from '../support/kafka-broker.ts';
import { followTopic } from '../support/kafka-topics.ts';
import { runCommand, startPlatform } from '../support/platform.ts';
import { postSteadily } from './kafka-load.ts';

type Closers = { after(fn: () => Promise<void>): void };

/** Fills an outbox with events of inspections over 64 lots, and lets a relay publish them. @returns events a second */
async function relayRate(t: Closers, broker: string, prefix: string, events: number, version: number): Promise<number> {
  const { db } = await testDatabase(t, { statementTimeoutMs: 120_000 });
  // Envelopes as the door writes them, a create's size.
  await db.pool.query(
    `insert into platform.outbox (topic, partition, key, event_id, occurred_at, event, record)
     select 'inspection.lifecycle', n % 8, 'HH/LOT-2026-' || n % 64, id, now(), format(
       '{"event_id":"%s","event_type":"inspection.created","schema_version":1,"occurred_at":"2026-11-25T12:00:00.000Z","trace_id":"%s","source_service":"chip-quality-platform","site":"HH","aggregate":{"type":"inspection","id":"%s","version":%s},"payload":{"inspection_id":"%s","lot_id":"LOT-2026-%s","chip_id":"PCB-%s","inspection_type":"visual","station_id":"AOI-HH-1","status":"pending","verdict":null,"reason":null,"priority":5,"attempt":1}}',
       id, repeat('ab', 16), id, $2::int, id, n % 64, n)::json, case when $2 > 1 then id::text end
     from (select n, gen_random_uuid() as id from generate_series(1, $1::int) as n) made`,
    [events, version],
  );
  await db.pool.query('analyze platform.outbox');
  const tail = openTail({ db });
  const door = openDoor({ db, source: 'proof' });
  const address = { brokers: [broker], clientId: 'proof' };
  let published = 0;
  const count = () => {
    published += 1;
  };
  const bus = kafkaBus({ db, door, tail, address, names: kafkaNames(prefix), replication: 1, published: count });
  await bus.start();
  while (published === 0) await pause(1);
  const began = performance.now();
  const first = published;
  while (published < events) await pause(5);
  const rate = (published - first) / ((performance.now() - began) / 1000);
  await bus.stop();
  return rate;
}

/** CPU seconds that a process has used (100 ticks a second on Linux). */
async function cpuOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

interface Cost {
  cpuMs: number;
  createMs: number;
  /** From the moment that a creation was sent until a consumer of the topic had its event: milliseconds each, on Kafka alone. */
  toTopicMs: number[];
}

/** What an inspection with its measurements costs the platform's process, how long a create takes, and when its event can be read from the topic. */
async function cost(t: Closers, broker: string | null, seconds: number, aSecond: number): Promise<Cost> {
  const { url } = await testDatabase(t);
  const prefix = `c${Date.now()}.`;
  const environment = {
    DATABASE_URL: url,
    DB_CONNECT_TIMEOUT: '10s',
    ...(broker ? { KAFKA_BROKERS: broker, KAFKA_TOPIC_PREFIX: prefix, KAFKA_REPLICATION: '1' } : {}),
  };
  await runCommand(['migrate'], environment);
  const platform = await startPlatform(null, { environment });
  const arrived = new Map<string, number>();
  const follower = broker
    ? await followTopic(broker, `${prefix}inspection.lifecycle`, (value) => {
        const { event_type, aggregate } = JSON.parse(value.toString()) as PlatformEvent;
        if (event_type === 'inspection.created') arrived.set(aggregate.id, Date.now());
      })
    : undefined;
  try {
    const run = async (length: number) => {
      const stop = AbortSignal.timeout(length * 1000);
      const before = await cpuOf(platform.process.pid ?? 0);
      const posted = await postSteadily(platform, aSecond, stop);
      await pause(500);
      return { cpu: (await cpuOf(platform.process.pid ?? 0)) - before, posted };
    };
    await run(3);
    const { cpu, posted } = await run(seconds);
    const missing = () => posted.created.filter((id) => !arrived.has(id)).length;
    for (const until = Date.now() + 30_000; follower && missing() > 0; await pause(50))
      if (Date.now() > until) throw new Error(`${missing()} events did not come to the topic`);
    return {
      cpuMs: (cpu * 1000) / Math.max(1, posted.created.length),
      createMs: median(posted.times.map(({ took }) => took)),
      toTopicMs: follower ? posted.created.map((id) => (arrived.get(id) ?? 0) - (posted.sentAt.get(id) ?? 0)) : [],
    };
  } finally {
    await follower?.close();
    await platform.stop();
  }
}

const { values } = commandOptions({
  options: {
    events: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    rate: { type: 'string', default: '60' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help)
  console.log(`usage: node test/proof/kafka-relay.ts [--events 100000] [--rounds 3] [--seconds 10] [--rate 60]

Measures, on a Kafka broker of its own (Java 17 and Maven are needed): how fast the relay publishes a full outbox, also where each event has to look for
an earlier version of its record; what an inspection with its measurements costs the platform's process with the bus in PostgreSQL and with the bus on
Kafka, in turn; and when a consumer of the topic has the event of a creation, from the moment that the creation was sent.`);
else {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const closers: (() => Promise<unknown>)[] = [];
  const t: Closers = { after: (fn) => void closers.push(fn) };
  const [rounds, events] = [wholeOption('rounds', values.rounds), wholeOption('events', values.events)];
  const [seconds, rate] = [amountOption('seconds', values.seconds), amountOption('rate', values.rate)];
  const broker = await openBroker();
  try {
    const rates = { creates: [] as number[], lookedUp: [] as number[] };
    for (let round = 0; round < rounds; round += 1) {
      rates.creates.push(await relayRate(t, broker.address, `r${round}.`, events, 1));
      rates.lookedUp.push(await relayRate(t, broker.address, `l${round}.`, events / 20, 2));
      console.error(JSON.stringify(rates));
    }
    const costs = { postgres: [] as Cost[], kafka: [] as Cost[] };
    const told = (list: Cost[]) => list.map(({ toTopicMs, ...rest }) => rest);
    for (let round = 0; round < rounds; round += 1) {
      costs.postgres.push(await cost(t, null, seconds, rate));
      costs.kafka.push(await cost(t, broker.address, seconds, rate));
      console.error(JSON.stringify({ postgres: told(costs.postgres), kafka: told(costs.kafka) }));
    }
    const middle = (list: Cost[]) => ({
      cpuMs: Number(median(list.map(({ cpuMs }) => cpuMs)).toFixed(2)),
      createMs: median(list.map(({ createMs }) => createMs)),
    });
    const [postgres, kafka] = [middle(costs.postgres), middle(costs.kafka)];
    const waits = costs.kafka.flatMap(({ toTopicMs }) => toTopicMs).sort((one, other) => one - other);
    const share = (part: number) => waits[Math.floor(part * (waits.length - 1))];
    console.log(
      JSON.stringify({
        relayEventsPerSecond: Math.round(median(rates.creates)),
        relayEventsPerSecondAllLookedUp: Math.round(median(rates.lookedUp)),
        inspection: { postgres, kafka, cpuRatio: Number((kafka.cpuMs / postgres.cpuMs).toFixed(2)) },
        sentToTopicMs: { events: waits.length, p50: share(0.5), p95: share(0.95), p99: share(0.99) },
      }),
    );
  } finally {
    for (const close of closers.reverse()) await close().catch(() => {});
    await broker.end();
  }
  process.exit();
}
