import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type AnyEvent, TOPIC_OF } from '../../src/contracts/events.ts';
import type { Bus } from '../../src/platform/bus/bus.ts';
import { type Consumer, done } from '../../src/platform/bus/consumer.ts';
import type { Cause, Door, EventDraft } from '../../src/platform/db/door.ts';
import { partitionOf } from '../../src/platform/db/envelope.ts';
import { uuidv7 } from '../../src/platform/id.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { type BusPlace, openInstance } from './bus.makers.ts';

interface TestContext {
  after(fn: () => Promise<void>): void;
}
/** What a maker of buses gives to the suite. */
export interface BusHarness {
  /** Where the buses of one test meet, beside its database. */
  place(t: TestContext): BusPlace;
  /** The partitions of an instance that was killed are served again within this. */
  takenOverMs: number;
  /** Puts bytes where events of the lot `L` come from, past the door. Left out: what cannot be there at all. */
  inject(floor: Floor, bytes: Buffer): Promise<'put' | 'impossible'>;
  /** The places of all events that the bus carries. */
  places(floor: Floor): Promise<string[]>;
  /** What has to be true beside the parked row when bytes were set aside. */
  setAside?(floor: Floor, bytes: Buffer, cause: string): Promise<void>;
}
export interface BusInstance {
  bus: Bus;
  door: Door;
}

/** The database of a test, and the buses on it: as many instances as there would be processes. */
export interface Floor extends Omit<TestDatabase, 'open'> {
  place: BusPlace;
  open(leaseMs?: number): BusInstance;
  /** A process of its own that serves the group `g`; resolves when it has started. Ends with the test at the latest. */
  spawn(): Promise<{ kill(): Promise<void> }>;
}

export const cause: Cause = { actor: { subject: 'test', name: 'test', kind: 'client' }, requestId: 'r', traceId: 'a'.repeat(32) };

/** Version `version` of lot `lot`. */
export function held(lot: string, version: number): EventDraft {
  return {
    type: 'lot.held',
    site: 'S1',
    key: `S1/${lot}`,
    aggregate: { type: 'lot', id: lot, version },
    payload: { lot_id: lot, reason: 'test', by: 'test' },
  };
}
export const publish = (door: Door, ...events: EventDraft[]): Promise<void> => door.record(cause, { rows: [], events, audit: [] });

export async function until(what: string, check: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  for (const end = Date.now() + ms; !(await check()); await sleep(10)) assert.ok(Date.now() < end, `not within ${ms} ms: ${what}`);
}

/** A consumer whose effect is a row; the sequence of its effects shows order and doubles. */
export function recorder(door: Door, group: string, seen: AnyEvent[] = []): Consumer {
  return {
    group,
    topics: ['quality.signals'],
    async handle(event, delivery) {
      seen.push(event);
      await door.changeOnce<EffectTables, void>(delivery.cause, async (tx) => {
        const { id, version } = event.aggregate;
        await tx.insertInto('effect').values({ consumer_group: group, lot: id, version }).execute();
        return { result: undefined, events: [], audit: [] };
      });
      return done;
    },
  };
}

interface EffectTables {
  effect: { n?: number; consumer_group: string; lot: string; version: number };
}
export async function openFloor(harness: BusHarness, t: TestContext): Promise<Floor> {
  const closers: (() => Promise<void>)[] = [];
  const database = await testDatabase(t);
  const place = harness.place(t);
  // Before the database goes, whatever was opened first.
  t.after(async () => void (await Promise.all(closers.map((close) => close()))));
  await database.db.pool.query(
    'create table effect (n bigint generated always as identity, consumer_group text, lot text, version integer, at timestamptz default now())',
  );
  return {
    ...database,
    place,
    open(leaseMs) {
      const instance = openInstance(database.open({ poolSize: 12, overflow: 0 }), place, leaseMs);
      closers.push(() => instance.bus.stop());
      return instance;
    },
    async spawn() {
      const env = { ...process.env, BUS_URL: database.url, BUS_BROKERS: place.brokers, BUS_PREFIX: place.prefix };
      const script = fileURLToPath(new URL('./bus.process.ts', import.meta.url));
      const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      const kill = () => {
        child.kill('SIGKILL');
        return gone;
      };
      closers.push(kill);
      await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), gone]);
      assert.equal(child.exitCode, null);
      return { kill };
    },
  };
}
export async function effects(database: Floor, group: string): Promise<string[]> {
  const { rows } = await database.db.pool.query('select lot, version from effect where consumer_group = $1 order by n', [group]);
  return rows.map((row) => `${row.lot}.${row.version}`);
}

/** A transaction that has its number and has written nothing yet; its event goes into the outbox as it commits, past the door. */
export async function takeNumber(floor: Floor): Promise<{ commit(event: EventDraft): Promise<void> }> {
  const client = await floor.db.pool.connect();
  await client.query('begin');
  await client.query('select pg_current_xact_id()');
  return {
    async commit(draft) {
      const { type, site, key, aggregate, payload } = draft;
      const at = new Date().toISOString();
      const head = { event_id: uuidv7(), event_type: type, schema_version: 1, occurred_at: at, trace_id: cause.traceId };
      const event = { ...head, source_service: 'test', site, aggregate, payload };
      await client.query(
        'insert into platform.outbox (topic, partition, key, event_id, occurred_at, event, record) values ($1, $2, $3, $4, $5, $6, $7)',
        [TOPIC_OF[type], partitionOf(key), key, head.event_id, at, JSON.stringify(event), aggregate.version > 1 ? aggregate.id : null],
      );
      await client.query('commit');
      client.release();
    },
  };
}
