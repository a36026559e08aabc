import { setTimeout as sleep } from 'node:timers/promises';
import { EVENT_TYPES } from '../../contracts/events.ts';
import type { Database } from '../db/database.ts';
import type { Door } from '../db/door.ts';
import { isAway } from '../db/faults.ts';
import { type Turnstile, turnstile } from '../turnstile.ts';
import type { Bus } from './bus.ts';
import type { Consumer } from './consumer.ts';
import { DELIVERY_LIMITS, type DeliveryLimits } from './deliver.ts';
import { type BusLog, type Observe, openHandling } from './handling.ts';
import { readLag } from './lag.ts';
import { Lane } from './lane.ts';
import { balance, type Claim, forgetPositions, laneName, leave, makePositions, RELAY, savePositions } from './leases.ts';
import { type OutboxEntry, readLane } from './outbox-reader.ts';
import { ownerName } from './owner.ts';
import { askRedrive, listParked, redrivenEvents } from './parking.ts';
import type { Batch, Tail } from './tail.ts';
import { VersionOrder } from './version-order.ts';

export interface PostgresBusOptions {
  db: Database;
  door: Door;
  tail: Tail;
  log?: BusLog;
  observe?: Observe;
  /** Events of one group handled at the same time in this process; 4. */
  concurrency?: number;
  /** A dead process's partitions are taken over after this and a quarter of it; 6 s. */
  leaseMs?: number;
  limits?: DeliveryLimits;
}

/** Positions are saved this often; after a crash so much is delivered again, and the inbox makes that harmless. */
const SAVE_MS = 500;
const SAVE_IDLE_MS = 2_000;
const STOP_MS = 5_000;
/** Records of one lane whose last version is remembered: some 100 KiB. */
const REMEMBERED = 1_000;

/**
 * The bus without a broker: groups read the outbox itself. A partition (hash of the key, 8 a topic) belongs to one process at a time; ownership is
 * a row that dies with its process's heartbeat. Why an owner that was away too long does no harm: its effect and the inbox row are one
 * transaction, so the second of two deliveries writes nothing; its position is saved under its generation only, which the new owner has raised.
 */
export function postgresBus(options: PostgresBusOptions): Bus {
  const { db, door, tail, log, observe } = options;
  const leaseMs = options.leaseMs ?? 6_000;
  const limits = options.limits ?? DELIVERY_LIMITS;
  const self = ownerName();
  const consumers = new Map<string, { consumer: Consumer; inTurn: Turnstile }>();
  const lanes = new Map<string, Lane>();
  const unsaved = new Set<Lane>();
  const leaving = new Set<Lane>();
  const reading = turnstile(4);
  let stopping = new AbortController();
  let timers: NodeJS.Timeout[] = [];
  let unlisten: (() => void) | undefined;
  let ticking: Promise<void> | undefined;
  let saving: Promise<void> | undefined;
  let lastIdleSave = 0;
  let hasBusy = false;

  const pause = (ms: number) => sleep(ms, undefined, { signal: stopping.signal }).catch(() => {});

  const { handle } = openHandling({ db, door, log, observe, limits, stopping: () => stopping.signal });

  function openLane(claim: Claim): void {
    const served = consumers.get(claim.group);
    if (!served || lanes.has(laneName(claim))) return;
    const { consumer, inTurn } = served;
    const lane = new Lane(claim, {
      consumer,
      order: new VersionOrder(db, REMEMBERED),
      read: (after, limit) => reading(() => readLane(db, claim.topic, claim.partition, after, limit)),
      tailAt: () => tail.position(),
      handle: (self, entry, redriven) => handle(consumer, inTurn, entry, self.closing.signal, redriven),
      moved(moved, busy) {
        unsaved.add(moved);
        hasBusy ||= busy;
      },
      async fault(error) {
        if (!isAway(error)) log?.warn({ err: error, group: claim.group }, 'the outbox cannot be read');
        await pause(500);
      },
    });
    lanes.set(laneName(claim), lane);
    lane.pump();
  }

  function drop(lane: Lane): void {
    if (lanes.get(laneName(lane.claim)) === lane) lanes.delete(laneName(lane.claim));
    unsaved.delete(lane);
    void lane.close();
  }

  async function save(closing: readonly Lane[] = []): Promise<void> {
    const moved = [...new Set([...unsaved, ...closing])];
    for (const lane of moved) unsaved.delete(lane);
    const rows = moved.map((lane) => ({ ...lane.claim, position: lane.position, release: closing.includes(lane) }));
    try {
      const kept = await savePositions(db, rows);
      for (const lane of moved) if (!kept.has(laneName(lane.claim))) drop(lane);
    } catch (error) {
      for (const lane of moved) if (lanes.has(laneName(lane.claim))) unsaved.add(lane);
      throw error;
    }
  }

  /** Beside the turns: an event in hand may take its time, and the heartbeat must go on. */
  async function giveBack(lane: Lane): Promise<void> {
    leaving.add(lane);
    try {
      await lane.close();
      await save([lane]);
    } catch (error) {
      if (!isAway(error)) log?.warn({ err: error }, 'a partition could not be given back');
    } finally {
      leaving.delete(lane);
      drop(lane);
    }
  }

  async function tick(): Promise<void> {
    const groups = [...consumers.keys()];
    const { owned, surplus } = await balance(db, self, groups, leaseMs);
    const ours = new Map(owned.map((claim) => [laneName(claim), claim]));
    for (const [name, lane] of lanes) if (ours.get(name)?.generation !== lane.claim.generation) drop(lane);
    for (const claim of surplus) {
      const lane = lanes.get(laneName(claim));
      if (lane && !leaving.has(lane)) void giveBack(lane);
    }
    for (const claim of owned) if (!surplus.some((other) => laneName(other) === laneName(claim))) openLane(claim);
    const again = await redrivenEvents(db, groups);
    for (const lane of lanes.values()) {
      const { group, topic, partition } = lane.claim;
      const entries = again.filter((entry) => entry.group === group && entry.topic === topic && entry.partition === partition);
      if (entries.length > 0) lane.redrive(entries);
    }
  }

  /** One at a time, however long it takes; a fault is told and tried again at the next turn. */
  const turn = (): Promise<void> => {
    ticking ??= tick()
      .catch((error: unknown) => {
        if (!isAway(error)) log?.warn({ err: error }, 'the bus could not balance its partitions');
      })
      .finally(() => {
        ticking = undefined;
      });
    return ticking;
  };
  const saveTurn = (): Promise<void> => {
    const now = performance.now();
    if (unsaved.size === 0 || (!hasBusy && now - lastIdleSave < SAVE_IDLE_MS)) return saving ?? Promise.resolve();
    lastIdleSave = now;
    hasBusy = false;
    saving ??= save()
      .catch((error: unknown) => {
        if (!isAway(error)) log?.warn({ err: error }, 'positions could not be saved');
      })
      .finally(() => {
        saving = undefined;
      });
    return saving;
  };

  function route(batch: Batch): void {
    const byLane = new Map<string, OutboxEntry[]>();
    for (const entry of batch.entries) {
      const name = `${entry.topic} ${entry.partition}`;
      const list = byLane.get(name);
      if (list) list.push(entry);
      else byLane.set(name, [entry]);
    }
    for (const lane of lanes.values()) lane.take(batch, byLane.get(`${lane.claim.topic} ${lane.claim.partition}`) ?? []);
  }

  return {
    subscribe(consumer) {
      if (consumers.has(consumer.group)) throw new Error(`The group ${consumer.group} has a consumer already`);
      consumers.set(consumer.group, { consumer, inTurn: turnstile(options.concurrency ?? 4) });
    },
    async start() {
      stopping = new AbortController();
      await tail.start();
      const wanted = [...consumers.values()].flatMap(({ consumer }) => consumer.types ?? EVENT_TYPES);
      unlisten = tail.listen(route, () => wanted);
      // Of the time when a broker was used.
      await forgetPositions(db, [RELAY]);
      if (consumers.size === 0) return;
      for (const { consumer } of consumers.values()) await makePositions(db, consumer.group, consumer.topics);
      await turn();
      timers = [setInterval(() => void turn(), leaseMs / 4), setInterval(() => void saveTurn(), SAVE_MS)];
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      timers = [];
      unlisten?.();
      await ticking;
      const all = [...lanes.values()];
      const closed = Promise.all(all.map((lane) => lane.close()));
      const cut = setTimeout(() => stopping.abort(), STOP_MS);
      await closed;
      clearTimeout(cut);
      stopping.abort();
      await saving;
      await save(all).catch(() => {});
      lanes.clear();
      if (consumers.size > 0) await leave(db, self).catch(() => {});
      await tail.stop();
    },
    wake: () => tail.wake(),
    lag: () => readLag(db),
    trouble: () => null,
    parked: (group) => listParked(db, group),
    async redrive(cause, group, eventId) {
      await askRedrive(door, cause, group, eventId);
      // Not once it has stopped: a turn takes leases.
      if (timers.length > 0 && consumers.has(group)) void turn();
    },
  };
}
