import { type Consumer, wants } from './consumer.ts';
import { Follower } from './follower.ts';
import type { Claim } from './leases.ts';
import type { OutboxEntry, Window } from './outbox-reader.ts';
import { compare, type Position } from './position.ts';
import type { Batch } from './tail.ts';
import type { VersionOrder } from './version-order.ts';

/** Entries held in memory for one partition of one group; beyond it they are read again from the outbox. */
const QUEUE = 500;

export interface LaneWork {
  consumer: Consumer;
  order: VersionOrder;
  read(after: Position, limit: number): Promise<Window>;
  /** Where the process's tail stands now. */
  tailAt(): Position;
  /** Hands one event over, parks it if need be. @returns false when it must stay (stopping, or the partition was lost) */
  handle(lane: Lane, entry: OutboxEntry, redriven: boolean): Promise<boolean>;
  /** `busy`: an event was handled, save soon; otherwise entries were only passed over. */
  moved(lane: Lane, busy: boolean): void;
  fault(error: unknown): Promise<void>;
}

/**
 * One partition of one topic for one group: one event at a time, in the order of the outbox, the versions of one record in their own order. It
 * catches up by reading its own rows; once it has reached the tail it lives from what the tail hands out, so that an idle lane costs nothing.
 */
export class Lane {
  readonly claim: Claim;
  /** Everything up to here is handled. */
  position: Position;
  /** Aborted when this lane takes nothing more. */
  readonly closing = new AbortController();
  private readonly work: LaneWork;
  private readonly follower: Follower;
  private readonly redriven: OutboxEntry[] = [];
  /** The head of the queue with what must come before it; undefined while the head was not looked at. */
  private ready: OutboxEntry[] | undefined;
  private running: Promise<void> | undefined;
  /** Something of its topic was left out of a batch since it last moved to the end of one. */
  private behind = false;

  constructor(claim: Claim, work: LaneWork) {
    this.claim = claim;
    this.work = work;
    this.position = claim.position;
    this.follower = new Follower(claim.position, { read: work.read, tailAt: work.tailAt, bound: QUEUE });
  }

  private closed(): boolean {
    return this.closing.signal.aborted;
  }

  /** Only entries of this lane's topic and partition are given. */
  take(batch: Batch, entries: readonly OutboxEntry[]): void {
    if (this.closed()) return;
    this.follower.take(batch, entries);
    this.behind ||= batch.leftOut.includes(this.claim.topic);
    if (this.running !== undefined) return;
    this.passOver();
    if (this.follower.queue.length > 0 || !this.follower.live) this.pump();
    else this.reach();
  }

  /** What was left out of the batches is behind it once all that came with them is handled: else it would count as waiting. */
  private reach(): void {
    const { reached } = this.follower;
    if (!this.behind || reached === undefined) return;
    this.behind = false;
    if (compare(reached, this.position) <= 0) return;
    this.position = reached;
    this.work.moved(this, false);
  }

  redrive(entries: readonly OutboxEntry[]): void {
    for (const entry of entries) if (!this.redriven.some((known) => known.eventId === entry.eventId)) this.redriven.push(entry);
    this.pump();
  }

  pump(): void {
    if (this.running || this.closed()) return;
    this.running = this.run().finally(() => {
      this.running = undefined;
      if (this.closed()) return;
      if (this.follower.queue.length > 0 || this.redriven.length > 0) this.pump();
      else this.reach();
    });
  }

  /** Takes nothing new; resolves when the event in hand is through. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.closed()) {
      const again = this.redriven[0];
      if (again) {
        if (await this.work.handle(this, again, true)) this.redriven.shift();
        continue;
      }
      try {
        if (!(await this.next())) return;
      } catch (error) {
        await this.work.fault(error);
      }
    }
  }

  /** What the group does not want goes by in one turn of the event loop: a queue is bounded, and most events are for few groups. */
  private passOver(): void {
    const { queue } = this.follower;
    if (this.ready) return;
    let last: OutboxEntry | undefined;
    let count = 0;
    for (const entry of queue) {
      if (wants(this.work.consumer, entry)) break;
      this.work.order.passed(entry);
      last = entry;
      count += 1;
    }
    if (!last) return;
    queue.splice(0, count);
    this.position = last.position;
    this.work.moved(this, false);
  }

  /** One step of the queue. @returns false when there is nothing to do until the tail brings something */
  private async next(): Promise<boolean> {
    this.passOver();
    const { queue } = this.follower;
    const head = queue[0];
    if (!head) {
      if (this.follower.live) {
        this.reach();
        return false;
      }
      await this.follower.catchUp();
      return true;
    }
    this.ready ??= await this.work.order.arrange([head]);
    let busy = false;
    for (let entry = this.ready[0]; entry; entry = this.ready[0]) {
      if (wants(this.work.consumer, entry)) {
        if (!(await this.work.handle(this, entry, false))) return true;
        busy = true;
      }
      this.ready.shift();
    }
    this.ready = undefined;
    queue.shift();
    this.position = head.position;
    this.work.moved(this, busy);
    return true;
  }
}
