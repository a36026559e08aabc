import type { AnyEvent } from '../../contracts/events.ts';
import type { Consumer } from './consumer.ts';
import type { Claim } from './leases.ts';
import type { OutboxEntry, Window } from './outbox-reader.ts';
import { compare, type Position } from './position.ts';
import type { Batch } from './tail.ts';

/** Entries held in memory for one partition of one group; beyond it they are read again from the outbox. */
const QUEUE = 500;
const PAGE = 100;

const TYPE = /^\{"event_id":"[0-9a-f-]{36}","event_type":"([a-z_.]+)"/;
/** The type of an event without parsing the rest: most events are not for most groups. */
const typeOf = (text: string): string => TYPE.exec(text)?.[1] ?? (JSON.parse(text) as AnyEvent).event_type;

export interface LaneWork {
  consumer: Consumer;
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
 * One partition of one topic for one group: one event at a time, in the order of the outbox. It catches up by reading its own rows; once it has
 * reached the tail it lives from what the tail hands out, so that an idle lane costs nothing.
 */
export class Lane {
  readonly claim: Claim;
  /** Everything up to here is handled. */
  position: Position;
  /** Aborted when this lane takes nothing more. */
  readonly closing = new AbortController();
  private readonly work: LaneWork;
  private queue: OutboxEntry[] = [];
  private readonly redriven: OutboxEntry[] = [];
  /** Everything before this is handled, queued or was not for this lane. */
  private known: Position;
  /** Whether the tail's batches follow on `known` without a hole. */
  private live = false;
  private running: Promise<void> | undefined;

  constructor(claim: Claim, work: LaneWork) {
    this.claim = claim;
    this.work = work;
    this.position = claim.position;
    this.known = claim.position;
  }

  private closed(): boolean {
    return this.closing.signal.aborted;
  }

  /** Only entries of this lane's topic and partition are given. */
  take(batch: Batch, entries: readonly OutboxEntry[]): void {
    if (this.closed() || !this.live) return;
    for (const entry of entries) {
      if (compare(entry.position, this.known) <= 0) continue;
      if (this.queue.length >= QUEUE) {
        this.live = false;
        break;
      }
      this.queue.push(entry);
      this.known = entry.position;
    }
    if (this.live && compare(batch.to, this.known) > 0) this.known = batch.to;
    if (this.queue.length > 0) this.pump();
  }

  redrive(entries: readonly OutboxEntry[]): void {
    for (const entry of entries) if (!this.redriven.some((known) => known.eventId === entry.eventId)) this.redriven.push(entry);
    this.pump();
  }

  pump(): void {
    if (this.running || this.closed()) return;
    this.running = this.run().finally(() => {
      this.running = undefined;
      if (!this.closed() && (this.queue.length > 0 || this.redriven.length > 0)) this.pump();
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
      const entry = this.queue[0];
      if (entry) {
        const wanted = this.wants(entry);
        if (wanted && !(await this.work.handle(this, entry, false))) continue;
        this.queue.shift();
        this.position = entry.position;
        this.work.moved(this, wanted);
        continue;
      }
      if (this.live) return;
      try {
        await this.catchUp();
      } catch (error) {
        await this.work.fault(error);
      }
    }
  }

  private wants(entry: OutboxEntry): boolean {
    const { types } = this.work.consumer;
    return types === undefined || (types as readonly string[]).includes(typeOf(entry.text));
  }

  private async catchUp(): Promise<void> {
    const { entries, horizon } = await this.work.read(this.known, PAGE);
    this.queue.push(...entries);
    const last = entries.at(-1)?.position;
    if (last && compare(last, this.known) > 0) this.known = last;
    if (entries.length === PAGE) return;
    if (compare(horizon, this.known) > 0) this.known = horizon;
    // The tail may have gone on while we read: then its next batch would not follow on what we know.
    if (compare(this.known, this.work.tailAt()) >= 0) this.live = true;
  }
}
