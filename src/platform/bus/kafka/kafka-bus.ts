import type { Database } from '../../db/database.ts';
import type { Door } from '../../db/door.ts';
import { isAway } from '../../db/faults.ts';
import { turnstile } from '../../turnstile.ts';
import type { Bus, GroupLag } from '../bus.ts';
import type { Consumer } from '../consumer.ts';
import { DELIVERY_LIMITS, type DeliveryLimits } from '../deliver.ts';
import { type BusLog, type Observe, openHandling } from '../handling.ts';
import { readLag } from '../lag.ts';
import { forgetPositions, RELAY } from '../leases.ts';
import { askRedrive, countParked, listParked, redrivenEvents } from '../parking.ts';
import type { Tail } from '../tail.ts';
import type { BatchLimits } from './batches.ts';
import { openBrokerLag } from './broker-lag.ts';
import { openDeadLetters } from './dead-letters.ts';
import { KafkaGroup } from './group.ts';
import type { KafkaAddress, KafkaNames } from './names.ts';
import { Relay } from './relay.ts';
import { openTrouble } from './trouble.ts';

export interface KafkaBusOptions {
  db: Database;
  door: Door;
  tail: Tail;
  address: KafkaAddress;
  names: KafkaNames;
  /** Copies of each topic that has to be made; null leaves it to the broker. */
  replication: number | null;
  log?: BusLog;
  observe?: Observe;
  /** For metrics: one call an event that the broker has. */
  published?: () => void;
  /** Events of one group handled at the same time in this process; 4. */
  concurrency?: number;
  /** A dead process's relay is taken over after this and a quarter of it; 6 s. */
  leaseMs?: number;
  limits?: DeliveryLimits;
  batches?: BatchLimits;
}

const STOP_MS = 5_000;
const REDRIVE_MS = 1_500;

/**
 * The bus over a Kafka broker. A change still knows nothing of it: it commits its events to the outbox, and a relay publishes that. Groups live on the
 * broker; their effects stay exactly once through the inbox. The broker being away holds up nothing but deliveries: start, changes and reads go on, the
 * relay's lag shows, and all of it is made good when the broker is back.
 */
export function kafkaBus(options: KafkaBusOptions): Bus {
  const { db, door, tail, address, names, log, observe } = options;
  const trouble = openTrouble(log);
  const stopping = new AbortController();
  const deadLetters = openDeadLetters(address, names, log, stopping.signal);
  const brokerLag = openBrokerLag(address, names);
  const consumers: Consumer[] = [];
  const groups: KafkaGroup[] = [];
  const relay = new Relay({
    db,
    door,
    tail,
    address,
    names,
    replication: options.replication,
    trouble,
    leaseMs: options.leaseMs ?? 6_000,
    log,
    published: options.published,
    ...(options.batches ? { limits: options.batches } : {}),
  });
  const handling = openHandling({
    db,
    door,
    log,
    observe,
    limits: options.limits ?? DELIVERY_LIMITS,
    stopping: () => stopping.signal,
    parked: (group, entry, cause, attempts) => deadLetters.write(group, entry, cause, attempts),
  });
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  function lookForRedriven(): Promise<void> {
    looking ??= redrivenEvents(
      db,
      consumers.map(({ group }) => group),
    )
      .then((entries) => {
        for (const group of groups) group.redrive(entries.filter((entry) => entry.group === group.name));
      })
      .catch((error: unknown) => {
        if (!isAway(error)) log?.warn({ err: error }, 'the bus could not look for redriven events');
      })
      .finally(() => {
        looking = undefined;
      });
    return looking;
  }

  return {
    subscribe(consumer) {
      if (consumers.some(({ group }) => group === consumer.group)) throw new Error(`The group ${consumer.group} has a consumer already`);
      consumers.push(consumer);
      const inTurn = turnstile(options.concurrency ?? 4);
      groups.push(new KafkaGroup({ consumer, inTurn, handling, address, names, trouble, log }));
    },
    async start() {
      await tail.start();
      await forgetPositions(
        db,
        consumers.map(({ group }) => group),
      );
      await relay.start();
      for (const group of groups) group.start();
      if (groups.length > 0) timer = setInterval(() => void lookForRedriven(), REDRIVE_MS);
    },
    async stop() {
      clearInterval(timer);
      const cut = setTimeout(() => stopping.abort(), STOP_MS);
      await Promise.all([relay.stop(), ...groups.map((group) => group.stop())]);
      clearTimeout(cut);
      stopping.abort();
      await Promise.all([deadLetters.close(), brokerLag.close(), tail.stop()]);
    },
    wake: () => tail.wake(),
    async lag() {
      const [rows, parked, events] = await Promise.all([readLag(db), countParked(db), brokerLag.events(consumers)]);
      const now = Date.now();
      const lags: GroupLag[] = groups.map((group) => {
        const oldest = group.oldest();
        return {
          group: group.name,
          events: events.get(group.name) ?? 0,
          seconds: oldest === undefined ? 0 : Math.max(0, (now - oldest) / 1000),
          parked: parked.get(group.name) ?? 0,
        };
      });
      return [...rows, ...lags];
    },
    trouble: () => trouble.words(),
    parked: (group) => listParked(db, group),
    async redrive(cause, group, eventId) {
      await askRedrive(door, cause, group, eventId);
      await (group === RELAY ? relay.look() : lookForRedriven());
    },
  };
}
