import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Place } from './backlog.ts';
import { encodeFrame, type Frame, framesBehind, readFrame, readFrames } from './frame.ts';

const NAME = /^(\d{10})\.seg$/;
const nameOf = (segment: number): string => `${String(segment).padStart(10, '0')}.seg`;

/** What a folder that was not closed may hold. */
export interface Damage {
  segment: number;
  /** Where what can be read ends, and how many bytes lie behind. */
  at: number;
  bytes: number;
  /** The end of the newest segment: it was being written when the power went, and nobody was told that it is safe. Else the medium has lost data: the file stays, as `.seg.damaged` when nothing in it waits. */
  torn: boolean;
}

async function syncFolder(folder: string): Promise<void> {
  // Windows gives no handle on a folder; its file system keeps the order of names itself.
  const handle = await open(folder, 'r').catch(() => null);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

/**
 * The files of a queue: records are only added, at the end of the newest; whole files go when nothing in them is needed. What `write` was told is on
 * the disk when it resolves: data by fdatasync, names by fsync of the folder.
 */
export class Segments {
  readonly #folder: string;
  readonly #sizes = new Map<number, number>();
  readonly #damaged = new Set<number>();
  #current: { segment: number; handle: FileHandle } | null = null;
  /** After a failed fsync nobody knows what is on the disk, and a second one would say nothing of it: the folder has to be opened anew. */
  #broken: Error | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get bytes(): number {
    let sum = 0;
    for (const size of this.#sizes.values()) sum += size;
    return sum;
  }
  get currentSize(): number {
    return this.#current === null ? Number.POSITIVE_INFINITY : (this.#sizes.get(this.#current.segment) ?? 0);
  }

  /** Makes the folder, so that it can be locked. */
  async prepare(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
  }

  /**
   * Reads everything, cuts a torn end off, and tells what it found damaged. An end is torn when nothing behind it `isNewer` than what was read before:
   * else that was written later, and what is broken had been safe. A newest segment that is damaged is not written to any more.
   */
  async recover(each: (frame: Frame, place: Place) => void, isNewer: (frame: Frame) => boolean): Promise<Damage[]> {
    const names = await readdir(this.#folder);
    for (const name of names) if (name.endsWith('.new')) await rm(join(this.#folder, name), { force: true });
    const segments = names
      .flatMap((name) => NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((one, other) => one - other);
    const damage: Damage[] = [];
    for (const [index, segment] of segments.entries()) {
      const bytes = await readFile(join(this.#folder, nameOf(segment)));
      const end = readFrames(bytes, (frame, at) => each(frame, { segment, at, size: frame.size }));
      const behind = end < bytes.length ? framesBehind(bytes, end) : [];
      const newest = index === segments.length - 1;
      const torn = newest && !behind.some(({ frame }) => isNewer(frame));
      if (end < bytes.length) {
        const lost = torn ? bytes.length - end : bytes.length - end - behind.reduce((sum, { frame }) => sum + frame.size, 0);
        damage.push({ segment, at: end, bytes: lost, torn });
      }
      this.#sizes.set(segment, torn ? end : bytes.length);
      if (torn) await this.#reopen(segment, end);
      else if (end < bytes.length) {
        this.#damaged.add(segment);
        for (const { frame, at } of behind) each(frame, { segment, at, size: frame.size });
      }
    }
    return damage;
  }

  async #reopen(segment: number, end: number): Promise<void> {
    const handle = await open(join(this.#folder, nameOf(segment)), 'r+');
    await handle.truncate(end);
    await handle.sync();
    this.#current = { segment, handle };
  }

  /** A new segment with its first record, under its name only when that is on the disk. */
  async begin(opening: unknown): Promise<void> {
    const segment = Math.max(0, ...this.#sizes.keys()) + 1;
    const path = join(this.#folder, nameOf(segment));
    const frame = encodeFrame(opening);
    const handle = await open(`${path}.new`, 'w+', 0o600);
    try {
      await writeAll(handle, frame, 0);
      await handle.sync();
      await rename(`${path}.new`, path);
      await syncFolder(this.#folder);
    } catch (error) {
      await handle.close();
      throw error;
    }
    await this.#current?.handle.close();
    this.#current = { segment, handle };
    this.#sizes.set(segment, frame.length);
  }

  /** Adds frames and resolves with their places when they are on the disk; a write that fails leaves nothing behind. */
  async write(frames: readonly Buffer[]): Promise<Place[]> {
    if (this.#broken) throw this.#broken;
    if (this.#current === null) throw new Error('no segment is open');
    const { segment, handle } = this.#current;
    const start = this.#sizes.get(segment) ?? 0;
    const bytes = frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames);
    try {
      await writeAll(handle, bytes, start);
    } catch (error) {
      await handle.truncate(start).catch((fault: Error) => this.#break(fault));
      throw error;
    }
    await handle.datasync().catch(async (fault: Error) => {
      this.#break(fault);
      // Nobody was promised this: it should not turn up at the next opening either, as far as that is in our hands.
      await handle.truncate(start).catch(() => {});
      throw fault;
    });
    this.#sizes.set(segment, start + bytes.length);
    let at = start;
    return frames.map((frame) => {
      const place = { segment, at, size: frame.length };
      at += frame.length;
      return place;
    });
  }

  #break(cause: Error): void {
    this.#broken ??= new Error('The queue’s disk failed: open the folder anew', { cause });
  }

  async read({ segment, at, size }: Place): Promise<Frame> {
    const own = this.#current?.segment === segment ? this.#current.handle : null;
    const handle = own ?? (await open(join(this.#folder, nameOf(segment)), 'r'));
    try {
      const bytes = Buffer.allocUnsafe(size);
      for (let read = 0; read < size; ) {
        const { bytesRead } = await handle.read(bytes, read, size - read, at + read);
        if (bytesRead === 0) break;
        read += bytesRead;
      }
      const frame = readFrame(bytes, 0);
      if (frame === null) throw new Error(`segment ${segment} is damaged at ${at}`);
      return frame;
    } finally {
      if (own === null) await handle.close();
    }
  }

  /** Removes the oldest segments that are not needed, one after the other: what a later one says of an earlier one goes last. */
  async drop(needed: (segment: number) => boolean): Promise<void> {
    for (const segment of [...this.#sizes.keys()].sort((one, other) => one - other)) {
      if (segment === this.#current?.segment || needed(segment)) return;
      const path = join(this.#folder, nameOf(segment));
      if (this.#damaged.delete(segment)) await rename(path, `${path}.damaged`);
      else await rm(path, { force: true });
      await syncFolder(this.#folder);
      this.#sizes.delete(segment);
    }
  }

  async close(): Promise<void> {
    await this.#current?.handle.close();
    this.#current = null;
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}
