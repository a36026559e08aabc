import type { OutboxEntry } from '../outbox-reader.ts';
import type { InMessage } from './message.ts';

/** Messages held in memory for one partition of one group. */
const QUEUE = 500;

export interface PartitionWork {
  /** @returns false when it must stay: the bus stops, or the partition is another's now */
  handle(lane: PartitionLane, entry: OutboxEntry, redriven: boolean): Promise<boolean>;
  entry(message: InMessage): OutboxEntry;
  /** The effect is in the database (or the event is parked): the group may go past this message. */
  settled(lane: PartitionLane, message: InMessage): void;
  /** All that was held is handled, and more was let pass when there was no room: it has to be read again. */
  drained(lane: PartitionLane): void;
}

/**
 * One partition of one topic for one group: one message at a time. It outlives the stream that feeds it: when the stream is opened anew, what it only
 * held is dropped (it comes again), and what it has in hand goes on and is not begun a second time.
 */
export class PartitionLane {
  readonly closing = new AbortController();
  private readonly work: PartitionWork;
  private queue: InMessage[] = [];
  private inHand: InMessage | undefined;
  private readonly redriven: OutboxEntry[] = [];
  /** Messages were let pass: everything after them is let pass too, until the stream is opened anew. */
  private isOverrun = false;
  /** The last message that was handled, if it may come again. */
  private last: { offset: bigint; eventId: string } | undefined;
  private running: Promise<void> | undefined;
  private makeRoom: (() => void) | undefined;

  constructor(work: PartitionWork) {
    this.work = work;
  }

  /** Waits up to `patienceMs` for room, then lets the message pass: one that is held up must not hold up the other partitions. */
  async offer(message: InMessage, patienceMs: number): Promise<void> {
    if (this.closing.signal.aborted || this.isOverrun) return;
    if (this.queue.length >= QUEUE) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.makeRoom = resolve;
        timer = setTimeout(resolve, patienceMs);
      });
      clearTimeout(timer);
      this.makeRoom = undefined;
      if (this.queue.length >= QUEUE) {
        this.isOverrun = true;
        return;
      }
    }
    this.queue.push(message);
    this.pump();
  }

  redrive(entries: readonly OutboxEntry[]): void {
    for (const entry of entries) if (!this.redriven.some((known) => known.eventId === entry.eventId)) this.redriven.push(entry);
    this.pump();
  }

  /** The stream is opened anew, from what is committed. */
  rewind(): void {
    this.queue = [];
    this.isOverrun = false;
    this.makeRoom?.();
  }

  /** When the message in hand, or the next one, was written; undefined when there is none. */
  oldest(): number | undefined {
    const message = this.inHand ?? this.queue[0];
    return message === undefined ? undefined : Number(message.timestamp);
  }

  /** Takes nothing new; resolves when the event in hand is through. */
  async close(): Promise<void> {
    this.closing.abort();
    this.makeRoom?.();
    await this.running;
  }

  private pump(): void {
    if (this.running || this.closing.signal.aborted) return;
    this.running = this.run().finally(() => {
      this.running = undefined;
      if (this.queue.length > 0 || this.redriven.length > 0) this.pump();
    });
  }

  private async run(): Promise<void> {
    while (!this.closing.signal.aborted) {
      const again = this.redriven[0];
      if (again) {
        if (await this.work.handle(this, again, true)) this.redriven.shift();
        continue;
      }
      const message = this.queue.shift();
      if (!message) break;
      this.makeRoom?.();
      this.inHand = message;
      const entry = this.work.entry(message);
      const isKnown = this.last?.offset === message.offset && this.last.eventId === entry.eventId;
      const isThrough = isKnown || (await this.work.handle(this, entry, false));
      this.inHand = undefined;
      if (!isThrough) continue;
      this.last = { offset: message.offset, eventId: entry.eventId };
      this.work.settled(this, message);
    }
    if (this.isOverrun && this.queue.length === 0 && !this.closing.signal.aborted) this.work.drained(this);
  }
}
