import { Backlog, type Waiting } from './backlog.ts';
import { encodeFrame, type Frame } from './frame.ts';
import { lockFolder } from './lock.ts';
import type { Entry, Head } from './records.ts';
import { type Damage, Segments } from './segments.ts';

/** The folder holds as much as it may, or the disk is full: nothing was queued. The station has to wait, or a person to look. */
export class QueueFull extends Error {
  override readonly name = 'QueueFull';
}

export interface QueueOptions {
  folder: string;
  /** Bytes of all segments. */
  maxBytes: number;
  maxEntries: number;
  /** The count that a new folder begins; milliseconds of the clock when left out, so that a later one is greater, and two of one second are two. */
  epoch?: number;
}

/** Numbers that an entry gets at the moment it is written, so that one that fails to be written takes none. */
export interface Numbers {
  n: number;
  epoch: number;
  sequence: number;
}

interface Job {
  make(numbers: Numbers): { head: Entry; body?: Uint8Array };
  size: number;
  resolve(waiting: Waiting): void;
  reject(error: unknown): void;
}

/** Written in one go: what came while the disk was busy. */
const GROUP_BYTES = 4 * 1024 * 1024;
/** Milliseconds that a note of what was sent may wait: lost, it costs a repeat under the same key. */
const NOTE_MS = 100;
const RETRY_MS = 1000;
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Entries on the disk, in order, and what became of them. One process a folder. */
export class StationQueue {
  readonly backlog: Backlog;
  readonly damage: readonly Damage[];
  readonly #segments: Segments;
  readonly #options: QueueOptions;
  readonly #unlock: () => Promise<void>;
  readonly #segmentBytes: number;
  #jobs: Job[] = [];
  #notes: Head[] = [];
  /** Queued and not on the disk yet. */
  readonly #pending = { entries: 0, bytes: 0 };
  #fault: unknown = null;
  #flushing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  /** Called when something new is on the disk. */
  wake: () => void = () => {};

  private constructor(options: QueueOptions, backlog: Backlog, segments: Segments, unlock: () => Promise<void>, damage: readonly Damage[]) {
    this.#options = options;
    this.backlog = backlog;
    this.#segments = segments;
    this.#unlock = unlock;
    this.damage = damage;
    this.#segmentBytes = Math.min(8 * 1024 * 1024, Math.floor(options.maxBytes / 8));
  }

  /** @throws FolderTaken */
  static async open(options: QueueOptions): Promise<StationQueue> {
    const segments = new Segments(options.folder);
    await segments.prepare();
    const unlock = await lockFolder(options.folder);
    try {
      const backlog = new Backlog();
      const damage = await segments.recover(
        (frame, place) => backlog.apply(frame.head as Head, place),
        (frame) => backlog.isNewer(frame.head as Head),
      );
      const now = Date.now();
      const isClosed = segments.currentSize === Number.POSITIVE_INFINITY;
      if (isClosed && damage.length > 0) backlog.beginEpoch(now);
      if (backlog.epoch === 0) backlog.epoch = options.epoch ?? now;
      if (isClosed) await segments.begin(backlog.opening());
      return new StationQueue(options, backlog, segments, unlock, damage);
    } catch (error) {
      await segments.close();
      await unlock();
      throw error;
    }
  }

  get bytes(): number {
    return this.#segments.bytes;
  }

  /** Resolves when the entry is on the disk. `size` is about what it takes. @throws QueueFull */
  enqueue(size: number, make: Job['make']): Promise<Waiting> {
    const { maxBytes, maxEntries } = this.#options;
    if (this.#closed) return Promise.reject(new Error('The station is closed'));
    const { waiting } = this.backlog;
    if (this.bytes + this.#pending.bytes + size > maxBytes || waiting.size + this.#pending.entries >= maxEntries)
      return Promise.reject(new QueueFull(`The queue is full: ${waiting.size} entries in ${this.bytes} bytes`));
    this.#pending.entries += 1;
    this.#pending.bytes += size;
    return new Promise((resolve, reject) => {
      this.#jobs.push({ make, size, resolve, reject });
      void this.#flush();
    });
  }

  /** What became of entries: true at once here, on the disk a moment later. */
  settle(head: Exclude<Head, Entry>): void {
    const note = head.t === 'done' ? { ...head, refs: this.backlog.refsOf(head.n) } : head;
    this.backlog.apply(note, { segment: 0, at: 0, size: 0 });
    this.#notes.push(note);
    this.#timer ??= setTimeout(() => void this.#flush(), NOTE_MS);
  }

  /** Resolves when everything so far is on the disk. @throws when the disk does not take it now */
  async sync(): Promise<void> {
    while (this.#jobs.length > 0 || this.#notes.length > 0 || this.#flushing !== null) {
      await this.#flush();
      if (this.#fault !== null) throw this.#fault;
    }
  }

  read(waiting: Waiting): Promise<Frame> {
    return this.#segments.read(waiting.place);
  }

  #flush(): Promise<void> {
    this.#flushing ??= this.#work().finally(() => {
      this.#flushing = null;
      // What came while old segments were removed.
      if (this.#jobs.length > 0) void this.#flush();
    });
    return this.#flushing;
  }

  async #work(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#jobs.length > 0 || this.#notes.length > 0) {
      const jobs = this.#take();
      const notes = this.#notes.splice(0);
      try {
        await this.#write(notes, jobs);
        this.#fault = null;
      } catch (error) {
        this.#notes.unshift(...notes);
        const cause = error as NodeJS.ErrnoException;
        const told = FULL.has(cause.code ?? '') ? new QueueFull('The disk of the queue is full', { cause }) : error;
        this.#fault = told;
        for (const job of jobs) job.reject(told);
        this.#timer ??= setTimeout(() => void this.#flush(), RETRY_MS);
        if (this.#jobs.length === 0) return;
      } finally {
        this.#pending.entries -= jobs.length;
        for (const { size } of jobs) this.#pending.bytes -= size;
      }
    }
    // A file that does not go now goes after the next write; none goes while what was settled meanwhile is in memory alone.
    await this.#segments.drop((segment) => this.#notes.length > 0 || this.backlog.needs(segment)).catch(() => {});
  }

  #take(): Job[] {
    let bytes = 0;
    let count = 0;
    for (const job of this.#jobs) {
      if (count > 0 && bytes + job.size > GROUP_BYTES) break;
      bytes += job.size;
      count += 1;
    }
    return this.#jobs.splice(0, count);
  }

  async #write(notes: readonly Head[], jobs: readonly Job[]): Promise<void> {
    if (this.#segments.currentSize > this.#segmentBytes) await this.#segments.begin(this.backlog.opening());
    const { epoch } = this.backlog;
    let n = this.backlog.next;
    let sequence = this.backlog.sequence;
    const made = jobs.map((job) => {
      const { head, body } = job.make({ n, epoch, sequence });
      n += 1;
      if (head.t === 'post') sequence += 1;
      return { head, frame: encodeFrame(head, body) };
    });
    const frames = [...notes.map((note) => encodeFrame(note)), ...made.map(({ frame }) => frame)];
    if (frames.length === 0) return;
    const places = await this.#segments.write(frames);
    for (const [index, job] of jobs.entries()) {
      const { head } = made[index] as (typeof made)[number];
      this.backlog.apply(head, places[notes.length + index] as (typeof places)[number]);
      job.resolve(this.backlog.waiting.get(head.n) as Waiting);
    }
    if (jobs.length > 0) this.wake();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.sync().catch(() => {});
    clearTimeout(this.#timer);
    await this.#segments.close();
    await this.#unlock();
  }
}
