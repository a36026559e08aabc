import type { OutboxEntry, Window } from './outbox-reader.ts';
import { compare, type Position } from './position.ts';
import { Precedence } from './precedence.ts';
import type { Batch } from './tail.ts';

const PAGE = 100;
/** Records whose last version is remembered while catching up. */
const REMEMBERED = 10_000;

export interface FollowerWork {
  read(after: Position, limit: number): Promise<Window>;
  /** Where the process's tail stands now. */
  tailAt(): Position;
  /** Entries held in memory; beyond it they are read again from the outbox. */
  bound: number;
  /** Entries asked for at once while catching up; 100. */
  page?: number;
}

/**
 * Follows the outbox, or one lane of it, from a place: reads pages until it has reached the tail, then lives from what the tail hands out, so that
 * nothing is read twice and waiting costs nothing.
 */
export class Follower {
  readonly queue: OutboxEntry[] = [];
  /** Whether the tail's batches follow on `known` without a hole. */
  live = false;
  private readonly work: FollowerWork;
  /** Everything before this is handled, queued or was not for us. */
  private known: Position;
  /** Of the pages since it last lost the tail. */
  private precedence: Precedence | undefined;

  /** Everything before this is handled, when nothing is queued; undefined while pages are read. */
  get reached(): Position | undefined {
    return this.live ? this.known : undefined;
  }

  constructor(from: Position, work: FollowerWork) {
    this.known = from;
    this.work = work;
  }

  /** Only entries that are followed are given. */
  take(batch: Batch, entries: readonly OutboxEntry[]): void {
    if (!this.live) return;
    for (const entry of entries) {
      if (compare(entry.position, this.known) <= 0) continue;
      if (this.queue.length >= this.work.bound) {
        this.live = false;
        break;
      }
      this.queue.push(entry);
      this.known = entry.position;
    }
    if (this.live && compare(batch.to, this.known) > 0) this.known = batch.to;
  }

  async catchUp(): Promise<void> {
    const page = this.work.page ?? PAGE;
    const { entries, horizon } = await this.work.read(this.known, page);
    this.precedence ??= new Precedence(REMEMBERED);
    this.precedence.mark(entries);
    this.queue.push(...entries);
    const last = entries.at(-1)?.position;
    if (last && compare(last, this.known) > 0) this.known = last;
    if (entries.length === page) return;
    if (compare(horizon, this.known) > 0) this.known = horizon;
    // The tail may have gone on while we read: then its next batch would not follow on what we know.
    if (compare(this.known, this.work.tailAt()) < 0) return;
    this.live = true;
    this.precedence = undefined;
  }
}
