import { readFile, stat } from 'node:fs/promises';
import type { InspectionCreate } from '../contracts/inspections.ts';
import type { MeasurementCreate } from '../contracts/measurements.ts';
import type { StationSequence } from '../contracts/stations.ts';
import { DeadLetters } from './dead-letters.ts';
import { newKey } from './key.ts';
import { type Credentials, Platform } from './platform.ts';
import { StationQueue } from './queue.ts';
import type { FileKind } from './records.ts';
import type { Damage } from './segments.ts';
import { type SendError, Sender } from './sender.ts';

export { FolderTaken } from './lock.ts';
export { QueueFull } from './queue.ts';

export interface StationOptions {
  /** Address of the platform. */
  url: string;
  credentials: Credentials;
  /** Station id, as the token says it; only `gaps` asks for it. */
  stationId: string;
  /** Folder of the queue: on a disk that keeps what fsync was told. One process a folder. */
  folder: string;
  /** Bytes that may wait (512 MiB), and entries (200,000); then `post` throws QueueFull. At least 32 MiB. */
  maxBytes?: number;
  maxEntries?: number;
  /** Bytes of dead letters (128 MiB); beyond it nothing is sent until a person looks. */
  maxDeadBytes?: number;
  /** The count that a new folder begins; milliseconds of the clock when left out. Has to be greater than any before it. */
  epoch?: number;
}

/** A queued inspection, safe on the disk. */
export interface Posted {
  /** Names it to `attach`, `measure` and `inspectionId`; the Idempotency-Key too. */
  ref: string;
  station_epoch: number;
  station_sequence: number;
}

export interface StationStatus {
  queued: number;
  queuedBytes: number;
  /** Milliseconds since the oldest entry was queued; 0 when nothing waits. */
  oldestAgeMs: number;
  /** Entries that arrived since the folder was opened. */
  sent: number;
  /** Of those queued: refused as long as their time lies ahead of the platform's clock, and tried again then. The clock of the station is fast. */
  early: number;
  /** Refused for good, in `dead.ndjson`. */
  dead: number;
  lastError: SendError | null;
  epoch: number;
  /** The last number given out. */
  lastSequence: number;
  /** What opening found: a torn end is what nobody was told is safe; anything else is lost data. */
  damage: readonly Damage[];
}

export interface Gaps {
  epoch: number;
  /** Greatest number at the platform; 0 for none. */
  highest: number;
  /** Missing at the platform up to the last number given out, and waiting here. */
  queued: number;
  /** Missing and not waiting here: refused for good (see the dead letters) or lost. At most 1,000 ranges. */
  missing: { from: number; to: number }[];
  late: number;
}

export interface Station {
  /**
   * Queues an inspection and resolves once it is on the disk, with its number. `inspected_at` is now when left out. @throws QueueFull
   */
  post(inspection: Omit<InspectionCreate, 'station_epoch' | 'station_sequence'>): Promise<Posted>;
  /** Queues a file of an inspection: its bytes, or where they are (read at once). Until 1,000 inspections later. @throws QueueFull, RangeError */
  attach(ref: string, file: Uint8Array | string, kind: FileKind, contentType: string): Promise<void>;
  /** Queues measured values. @throws QueueFull, RangeError */
  measure(ref: string, values: MeasurementCreate[]): Promise<void>;
  /** The platform's id of an inspection; null while it waits; undefined when it is unknown, forgotten or refused. */
  inspectionId(ref: string): string | null | undefined;
  status(): StationStatus;
  /** What of this count has arrived, as the platform tells. @throws when it cannot be reached */
  gaps(): Promise<Gaps>;
  /** Takes nothing more, sends for at most so many milliseconds (0), and lets the folder go. What waits is sent after the next opening. */
  close(options?: { drainMs?: number }): Promise<void>;
}

/** Bytes: of an inspection or its values as JSON, and of a file. */
const MOST = { json: 1024 * 1024, file: 64 * 1024 * 1024 };
/** What the words around an entry take. */
const ROOM = 512;
const LEAST_QUEUE = 32 * 1024 * 1024;
const RANGES = 1000;

/**
 * A station's way to the platform that does not need the platform: what is queued is on the disk, is sent in order when it can be, and arrives once.
 * @throws FolderTaken when another process has the folder
 */
export async function openStation(options: StationOptions): Promise<Station> {
  const { folder, maxBytes = 512 * 1024 * 1024, maxEntries = 200_000, maxDeadBytes = 128 * 1024 * 1024, epoch } = options;
  if (maxBytes < LEAST_QUEUE) throw new RangeError(`maxBytes is at least ${LEAST_QUEUE}`);
  const queue = await StationQueue.open({ folder, maxBytes, maxEntries, ...(epoch === undefined ? {} : { epoch }) });
  const dead = new DeadLetters(folder, maxDeadBytes);
  await dead.open().catch(async (error: unknown) => {
    await queue.close();
    throw error;
  });
  const stop = new AbortController();
  const platform = new Platform({ url: options.url, credentials: options.credentials, signal: stop.signal });
  const sender = new Sender({ queue, platform, dead, signal: stop.signal });
  const running = sender.run();

  function known(ref: string): void {
    if (queue.backlog.idOf(ref) === undefined) throw new RangeError('This inspection is not known here (any more), or it was refused');
  }

  return {
    async post(inspection) {
      const key = newKey();
      const inspected_at = inspection.inspected_at ?? new Date().toISOString();
      const size = Buffer.byteLength(JSON.stringify(inspection));
      if (size > MOST.json) throw new RangeError(`An inspection may have ${MOST.json} bytes`);
      const at = Date.now();
      let given = { station_epoch: 0, station_sequence: 0 };
      await queue.enqueue(size + ROOM, ({ n, epoch: station_epoch, sequence: station_sequence }) => {
        given = { station_epoch, station_sequence };
        return { head: { t: 'post', n, key, ref: key, at, body: { ...inspection, inspected_at, ...given } } };
      });
      return { ref: key, ...given };
    },
    async attach(ref, file, kind, type) {
      known(ref);
      const size = typeof file === 'string' ? (await stat(file)).size : file.length;
      if (size > MOST.file) throw new RangeError(`A file may have ${MOST.file} bytes`);
      const body = typeof file === 'string' ? await readFile(file) : file;
      const entry = { t: 'file', key: newKey(), ref, at: Date.now(), kind, type } as const;
      await queue.enqueue(size + ROOM, ({ n }) => ({ head: { ...entry, n }, body }));
    },
    async measure(ref, values) {
      known(ref);
      const size = Buffer.byteLength(JSON.stringify(values));
      if (size > MOST.json) throw new RangeError(`Measurements may have ${MOST.json} bytes`);
      const entry = { t: 'measure', key: newKey(), ref, at: Date.now(), values } as const;
      await queue.enqueue(size + ROOM, ({ n }) => ({ head: { ...entry, n } }));
    },
    inspectionId: (ref) => queue.backlog.idOf(ref),
    status() {
      const { backlog } = queue;
      return {
        queued: backlog.waiting.size,
        queuedBytes: queue.bytes,
        oldestAgeMs: Math.max(0, Date.now() - (backlog.first()?.at ?? Date.now())),
        sent: sender.sent,
        early: sender.early,
        dead: dead.count,
        lastError: sender.lastError,
        epoch: backlog.epoch,
        lastSequence: backlog.sequence - 1,
        damage: queue.damage,
      };
    },
    gaps: () => gapsOf(platform, options.stationId, queue),
    async close({ drainMs = 0 } = {}) {
      for (const end = Date.now() + drainMs; queue.backlog.waiting.size > 0 && Date.now() < end; )
        await new Promise((go) => setTimeout(go, 20));
      stop.abort();
      await running;
      await queue.close();
    },
  };
}

async function gapsOf(platform: Platform, station: string, { backlog }: StationQueue): Promise<Gaps> {
  // What waits of an earlier count has numbers that this one gives again.
  const own = [...backlog.waiting.values()].filter(({ epoch }) => epoch === backlog.epoch);
  const waiting = new Set(own.flatMap(({ sequence }) => sequence ?? []));
  const last = backlog.sequence - 1;
  const found: { from: number; to: number }[] = [];
  const gaps: Gaps = { epoch: backlog.epoch, highest: 0, queued: waiting.size, missing: [], late: 0 };
  for (let cursor: string | null = ''; cursor !== null && found.length < RANGES; ) {
    const query = `epoch=${backlog.epoch}&limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const answer = await platform.call({ method: 'GET', path: `/v1/stations/${encodeURIComponent(station)}/sequence?${query}` });
    if (answer.status !== 200) throw new Error(`The platform answered ${answer.status}: ${answer.text.slice(0, 200)}`);
    const page = JSON.parse(answer.text) as StationSequence;
    gaps.highest = page.highest ?? 0;
    gaps.late += page.late;
    found.push(...page.data);
    cursor = page.next_cursor;
  }
  if (gaps.highest < last) found.push({ from: gaps.highest + 1, to: last });
  for (const range of found) gaps.missing.push(...without(range, waiting));
  gaps.missing.splice(RANGES);
  return gaps;
}

/** What of a range is not in the set, as ranges. */
export function without({ from, to }: { from: number; to: number }, set: ReadonlySet<number>): { from: number; to: number }[] {
  const left: { from: number; to: number }[] = [];
  let start = from;
  for (const n of [...set].filter((one) => one >= from && one <= to).sort((one, other) => one - other)) {
    if (n > start) left.push({ from: start, to: n - 1 });
    start = n + 1;
  }
  if (start <= to) left.push({ from: start, to });
  return left;
}
