import type { Batch, Entry, Head, Opening } from './records.ts';

/** Where a record lies. */
export interface Place {
  segment: number;
  at: number;
  size: number;
}

/** An entry that waits: its words stay on the disk. */
export interface Waiting {
  n: number;
  t: Entry['t'];
  key: string;
  ref: string;
  at: number;
  /** Null for what is no post; as is its epoch, the count that the number is of. */
  sequence: number | null;
  epoch: number | null;
  place: Place;
}

/** Inspections whose number at the platform is remembered when nothing of them waits any more: a file may still come. */
export const REFS_KEPT = 1000;

/** What the records of a folder say together: pure, so that what a restart makes of them is what was before. */
export class Backlog {
  epoch = 0;
  sequence = 1;
  next = 1;
  batch: Batch | null = null;
  readonly waiting = new Map<number, Waiting>();
  /** Inspections that wait to be posted; those that are there have an id. */
  readonly #refs = new Map<string, string | null>();
  readonly #ofRef = new Map<string, number>();
  readonly #inSegment = new Map<number, number>();
  posts = 0;

  /** Whether a segment holds something that waits. */
  needs(segment: number): boolean {
    return this.#inSegment.has(segment);
  }

  /** undefined: unknown (or refused); null: not posted yet. */
  idOf(ref: string): string | null | undefined {
    return this.#refs.get(ref);
  }

  /** Of each entry its inspection; null for what does not wait. */
  refsOf(entries: readonly number[]): (string | null)[] {
    return entries.map((n) => this.waiting.get(n)?.ref ?? null);
  }

  first(): Waiting | undefined {
    for (const one of this.waiting.values()) return one;
    return undefined;
  }

  /** Whether a record was written after all that was read so far: it speaks of an entry that is not known yet, or settles one that still waits. */
  isNewer(head: Head): boolean {
    const isLater = (n: number) => n >= this.next || this.waiting.has(n);
    switch (head.t) {
      case 'open':
        return false;
      case 'done':
        return head.n.some(isLater);
      case 'batch':
        return head.of.some(isLater);
      case 'split':
        return head.key === this.batch?.key;
      case 'dead':
        return isLater(head.n);
      default:
        return head.n >= this.next;
    }
  }

  /** A count of its own: the numbers of what was lost are known to nobody, and none may be given out again. */
  beginEpoch(epoch: number): void {
    this.epoch = Math.max(this.epoch + 1, epoch);
    this.sequence = 1;
  }

  opening(): Opening {
    const refs = [...this.#refs].filter((one): one is [string, string] => one[1] !== null);
    return { t: 'open', version: 1, epoch: this.epoch, sequence: this.sequence, next: this.next, refs, batch: this.batch };
  }

  apply(head: Head, place: Place): void {
    switch (head.t) {
      case 'open':
        this.sequence = head.epoch > this.epoch ? head.sequence : Math.max(this.sequence, head.sequence);
        this.epoch = Math.max(this.epoch, head.epoch);
        this.next = Math.max(this.next, head.next);
        for (const [ref, id] of head.refs) this.#refs.set(ref, id);
        this.batch = head.batch;
        return;
      case 'done':
        for (const [index, n] of head.n.entries()) {
          const id = head.ids[index] ?? null;
          const ref = head.refs?.[index] ?? null;
          if (this.waiting.has(n)) this.#leave(n, id);
          else if (id !== null && ref !== null) this.#refs.set(ref, id);
        }
        this.#forget();
        if (head.batch !== undefined && this.batch?.key === head.batch) this.batch = null;
        return;
      case 'dead':
        this.#leave(head.n, undefined);
        this.#forget();
        return;
      case 'batch':
        this.batch = { key: head.key, of: head.of };
        return;
      case 'split':
        if (this.batch?.key === head.key) this.batch = null;
        return;
      default:
        this.#enter(head, place);
    }
  }

  #enter(head: Entry, place: Place): void {
    // Old bytes that stand behind a break, of a file that is gone.
    if (head.n < this.next) return;
    const { station_sequence: sequence = null, station_epoch: epoch = null } = head.t === 'post' ? head.body : {};
    this.waiting.set(head.n, { n: head.n, t: head.t, key: head.key, ref: head.ref, at: head.at, sequence, epoch, place });
    this.next = Math.max(this.next, head.n + 1);
    if (sequence !== null) this.sequence = Math.max(this.sequence, sequence + 1);
    if (head.t === 'post') {
      this.epoch = Math.max(this.epoch, epoch ?? 0);
      this.posts += 1;
      this.#refs.set(head.ref, null);
    }
    this.#ofRef.set(head.ref, (this.#ofRef.get(head.ref) ?? 0) + 1);
    this.#inSegment.set(place.segment, (this.#inSegment.get(place.segment) ?? 0) + 1);
  }

  #leave(n: number, id: string | null | undefined): void {
    const was = this.waiting.get(n);
    if (was === undefined) return;
    this.waiting.delete(n);
    if (was.t === 'post') {
      this.posts -= 1;
      if (typeof id === 'string') this.#refs.set(was.ref, id);
      else this.#refs.delete(was.ref);
    }
    const left = (this.#ofRef.get(was.ref) ?? 1) - 1;
    if (left > 0) this.#ofRef.set(was.ref, left);
    else this.#ofRef.delete(was.ref);
    const here = (this.#inSegment.get(was.place.segment) ?? 1) - 1;
    if (here > 0) this.#inSegment.set(was.place.segment, here);
    else this.#inSegment.delete(was.place.segment);
  }

  /** The oldest that nothing waits for. */
  #forget(): void {
    let over = this.#refs.size - this.#ofRef.size - REFS_KEPT;
    if (over <= 0) return;
    for (const [ref, id] of this.#refs) {
      if (id === null || this.#ofRef.has(ref)) continue;
      this.#refs.delete(ref);
      over -= 1;
      if (over <= 0) return;
    }
  }
}
