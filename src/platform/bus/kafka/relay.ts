import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../db/database.ts';
import type { Door } from '../../db/door.ts';
import { isAway } from '../../db/faults.ts';
import { Follower } from '../follower.ts';
import type { BusLog } from '../handling.ts';
import { leave, RELAY } from '../leases.ts';
import { type OutboxEntry, readAll } from '../outbox-reader.ts';
import { ownerName } from '../owner.ts';
import { finishRedriven, parkEvent, redrivenEvents } from '../parking.ts';
import type { Position } from '../position.ts';
import type { Tail } from '../tail.ts';
import { VersionOrder } from '../version-order.ts';
import type { BatchLimits } from './batches.ts';
import type { KafkaAddress, KafkaNames } from './names.ts';
import { Publisher } from './publisher.ts';
import { claimRelay, makeRelayPositions, type RelayClaim, saveRelay } from './relay-lease.ts';
import type { Trouble } from './trouble.ts';

export interface RelayOptions {
  db: Database;
  door: Door;
  tail: Tail;
  address: KafkaAddress;
  names: KafkaNames;
  replication: number | null;
  trouble: Trouble;
  /** A dead process's relay is taken over after this and a quarter of it. */
  leaseMs: number;
  log: BusLog | undefined;
  /** For metrics: one call an event that the broker has. */
  published: (() => void) | undefined;
  limits?: BatchLimits;
}

const PAGE = 500;
const QUEUE = 4_000;
const SAVE_MS = 250;
const STOP_MS = 5_000;
/** Records whose last version is remembered: some 5 MiB. */
const REMEMBERED = 50_000;

/**
 * Publishes the outbox to the broker, in the order of its snapshot and each record's versions in their own order. One relay at a time over all
 * processes. Its place is saved after the broker has acknowledged; after a crash the next one repeats what came since the last save.
 *
 * Why the first time that an event stands in a topic is always after all lower versions of its record, whatever dies: every relay begins at a place
 * before which everything was acknowledged, and tells what comes after it in an order in which lower versions come first (`VersionOrder`). The topic holds
 * nothing but such sequences, laid over each other when one relay is late in noticing that it has lost its lease; so before the first n + 1 of any of
 * them stands that one's n. Consumers leave out what their inbox has.
 */
export class Relay {
  private readonly options: RelayOptions;
  private readonly self = ownerName();
  private readonly publisher: Publisher;
  private claim: RelayClaim | undefined;
  private position: Position | undefined;
  private saved: Position | undefined;
  private follower: Follower | undefined;
  /** Aborted when the claim in hand is lost or given back. */
  private serving = new AbortController();
  private lastBeat = 0;
  private isClosing = false;
  private rouse: (() => void) | undefined;
  private redriven: OutboxEntry[] = [];
  private running: Promise<void> | undefined;
  private turning: Promise<void> | undefined;
  private saving: Promise<void> | undefined;
  private timers: NodeJS.Timeout[] = [];
  private unlisten: (() => void) | undefined;

  constructor(options: RelayOptions) {
    this.options = options;
    this.publisher = new Publisher({
      address: options.address,
      names: options.names,
      replication: options.replication,
      trouble: options.trouble,
      ...(options.limits ? { limits: options.limits } : {}),
      tooLarge: (entry, cause) => this.setAside(entry, cause),
    });
  }

  /** Needs the database, not the broker. */
  async start(): Promise<void> {
    const { db, tail, leaseMs } = this.options;
    await makeRelayPositions(db);
    this.unlisten = tail.listen((batch) => {
      this.follower?.take(batch, batch.entries);
      this.rouse?.();
    });
    await this.turn();
    this.timers = [setInterval(() => void this.turn(), leaseMs / 4), setInterval(() => void this.save(false), SAVE_MS)];
  }

  async stop(): Promise<void> {
    this.isClosing = true;
    for (const timer of this.timers) clearInterval(timer);
    this.unlisten?.();
    this.rouse?.();
    await this.turning;
    const cut = setTimeout(() => this.serving.abort(), STOP_MS);
    await this.running;
    clearTimeout(cut);
    await this.save(true);
    await this.publisher.close();
    await leave(this.options.db, this.self).catch(() => {});
  }

  /** Something was redriven: look now. */
  look(): Promise<void> {
    return this.turn();
  }

  private turn(): Promise<void> {
    this.turning ??= this.oneTurn()
      .catch((error: unknown) => {
        if (!isAway(error)) this.options.log?.warn({ err: error }, 'the relay could not renew its lease');
      })
      .finally(() => {
        this.turning = undefined;
      });
    return this.turning;
  }

  private async oneTurn(): Promise<void> {
    const { db, leaseMs } = this.options;
    // A lease that could not be renewed in time is another's by now.
    if (this.claim && performance.now() - this.lastBeat > leaseMs) this.lose();
    const began = performance.now();
    const claimed = await claimRelay(db, this.self, leaseMs, this.claim);
    this.lastBeat = began;
    if (this.claim) {
      if (!claimed) this.lose();
    } else if (claimed && !this.isClosing && !this.running) {
      this.claim = claimed;
      this.serving = new AbortController();
      this.running = this.serve(claimed, this.serving.signal).finally(() => {
        this.running = undefined;
        this.follower = undefined;
      });
    }
    if (!this.claim) return;
    const again = (await redrivenEvents(db, [RELAY])).filter((one) => !this.redriven.some((known) => known.eventId === one.eventId));
    if (again.length === 0) return;
    this.redriven.push(...again);
    this.rouse?.();
  }

  private lose(): void {
    this.claim = undefined;
    this.options.log?.warn({}, 'the relay is another process’s now');
    this.options.trouble.ends(RELAY);
    this.serving.abort();
  }

  private async serve(claim: RelayClaim, signal: AbortSignal): Promise<void> {
    const { db, tail, log } = this.options;
    const order = new VersionOrder(db, REMEMBERED);
    const read = (after: Position, limit: number) => readAll(db, after, limit);
    const follower = new Follower(claim.position, { read, tailAt: () => tail.position(), bound: QUEUE, page: PAGE });
    this.follower = follower;
    this.position = claim.position;
    this.saved = claim.position;
    signal.addEventListener('abort', () => this.rouse?.(), { once: true });
    while (!signal.aborted && !this.isClosing) {
      try {
        if (this.redriven.length > 0) await this.again(signal);
        else if (follower.queue.length > 0) await this.forward(follower, order, signal);
        else if (follower.live) await this.wait(follower, signal);
        else await follower.catchUp();
      } catch (error) {
        if (!isAway(error)) log?.warn({ err: error }, 'the relay cannot read the outbox');
        await sleep(500, undefined, { signal }).catch(() => {});
      }
    }
  }

  private async forward(follower: Follower, order: VersionOrder, signal: AbortSignal): Promise<void> {
    const page = follower.queue.slice(0, PAGE);
    const arranged = await order.arrange(page);
    // Not arranged twice: what was told early is noted.
    follower.queue.splice(0, page.length);
    if (!(await this.publisher.publish(arranged, signal))) return;
    this.position = page.at(-1)?.position;
    for (const _ of arranged) this.options.published?.();
  }

  private async again(signal: AbortSignal): Promise<void> {
    const [entry] = this.redriven;
    if (!entry || !(await this.publisher.publish([entry], signal))) return;
    this.redriven.shift();
    await finishRedriven(this.options.db, RELAY, entry.eventId);
  }

  private async wait(follower: Follower, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.rouse = resolve;
      if (follower.queue.length > 0 || !follower.live || this.isClosing || signal.aborted || this.redriven.length > 0) resolve();
    });
    this.rouse = undefined;
  }

  private async setAside(entry: OutboxEntry, cause: string): Promise<void> {
    const { door, log } = this.options;
    log?.warn({ group: RELAY, event_id: entry.eventId, bytes: Buffer.byteLength(entry.text), reason: cause }, 'event parked');
    for (let wait = 100; !this.serving.signal.aborted; wait = Math.min(wait * 2, 2_000)) {
      try {
        await parkEvent(door, RELAY, entry, cause, 1);
        return;
      } catch (error) {
        if (!isAway(error)) log?.warn({ err: error }, 'the relay could not park an event; trying again');
        await sleep(wait, undefined, { signal: this.serving.signal }).catch(() => {});
      }
    }
  }

  private async save(release: boolean): Promise<void> {
    if (this.saving && !release) return;
    await this.saving;
    this.saving = this.saveOnce(release).finally(() => {
      this.saving = undefined;
    });
    await this.saving;
  }

  private async saveOnce(release: boolean): Promise<void> {
    const { claim, position } = this;
    if (!claim || !position || (!release && position === this.saved)) return;
    if (release) this.claim = undefined;
    try {
      const kept = await saveRelay(this.options.db, claim, position, release);
      if (kept) this.saved = position;
      else if (this.claim === claim) this.lose();
    } catch (error) {
      if (!isAway(error)) this.options.log?.warn({ err: error }, 'the place of the relay could not be saved');
    }
  }
}
