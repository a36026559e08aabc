import type { BatchResult, Inspection } from '../contracts/inspections.ts';
import type { Waiting } from './backlog.ts';
import type { DeadLetters } from './dead-letters.ts';
import { blamesClock, codeOf, meaningOf, receiptOf, untilTaken, waitFor } from './judge-answer.ts';
import { newKey } from './key.ts';
import type { Answer, Call, Platform } from './platform.ts';
import type { StationQueue } from './queue.ts';
import type { Batch, Entry, FileEntry, MeasureEntry, PostEntry } from './records.ts';

/** Posts that wait at which they go together. */
const LIVE = 8;
/** Of one batch: well below what the platform takes (1,000 lines, 16 MiB), so that a lost answer repeats little. */
const BATCH = { lines: 500, bytes: 4 * 1024 * 1024 };
const FILE_MS = 150_000;
const BATCH_MS = 60_000;

export interface SendError {
  at: string;
  message: string;
  /** Null when there was no answer. */
  status: number | null;
}

export interface SenderDeps {
  queue: StationQueue;
  platform: Platform;
  dead: DeadLetters;
  signal: AbortSignal;
}

/** Brings what waits to the platform, in order, one call at a time; the next is sent when the last is settled. */
export class Sender {
  readonly #deps: SenderDeps;
  #tries = 0;
  /** Posts up to this one go alone: their batch was refused as a whole. */
  #aloneUntil = 0;
  /** Entries whose time lies ahead of the platform's clock, and when each is tried again (of `performance.now()`). */
  readonly #early = new Map<number, number>();
  #ring: (() => void) | null = null;
  lastError: SendError | null = null;
  sent = 0;

  constructor(deps: SenderDeps) {
    this.#deps = deps;
    deps.queue.wake = () => this.#ring?.();
  }

  /** How many wait because the station's clock is fast. */
  get early(): number {
    return this.#early.size;
  }

  /** Runs until the signal aborts. */
  async run(): Promise<void> {
    const { signal } = this.#deps;
    signal.addEventListener('abort', () => this.#ring?.());
    while (!signal.aborted) {
      const first = this.#next();
      if (first === undefined) {
        await this.#rest(this.#untilDue(), true);
        continue;
      }
      let answer: Answer | null = null;
      try {
        answer = await this.#step(first);
        if (answer === null) {
          this.#tries = 0;
          continue;
        }
        const code = codeOf(answer.text);
        this.#tell(`The platform answered ${answer.status}${code === '' ? '' : ` ${code}`}`, answer.status);
      } catch (error) {
        if (signal.aborted) return;
        this.#tell(messageOf(error), null);
      }
      // A refused token was forgotten: the second try fetches a new one at once.
      const wait = answer?.status === 401 && this.#tries === 0 ? 0 : waitFor(this.#tries, answer);
      this.#tries += 1;
      await this.#rest(wait * 1000, false);
    }
  }

  #tell(message: string, status: number | null): void {
    this.lastError = { at: new Date().toISOString(), message, status };
  }

  /** The oldest entry that may go now: not one that is early, nor what hangs on an inspection that is. */
  #next(): Waiting | undefined {
    const { backlog } = this.#deps.queue;
    if (this.#early.size === 0) return backlog.first();
    const now = performance.now();
    for (const one of backlog.waiting.values())
      if (!this.#isEarly(one, now) && (one.t === 'post' || backlog.idOf(one.ref) !== null)) return one;
    return undefined;
  }

  #isEarly({ n }: Waiting, now: number): boolean {
    return (this.#early.get(n) ?? 0) > now;
  }

  #untilDue(): number | null {
    let due: number | null = null;
    for (const at of this.#early.values()) if (due === null || at < due) due = at;
    return due === null ? null : Math.max(0, due - performance.now());
  }

  /** For a time, or for ever; `cut`: something new ends it. */
  async #rest(millis: number | null, cut: boolean): Promise<void> {
    const { signal } = this.#deps;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#ring = () => {
        if (cut || signal.aborted) resolve();
      };
      if (signal.aborted) return resolve();
      if (millis !== null) timer = setTimeout(resolve, millis);
      if (cut && this.#next() !== undefined) resolve();
    });
    clearTimeout(timer);
    this.#ring = null;
  }

  /** Null when something was settled; else the answer that says to wait. */
  async #step(first: Waiting): Promise<Answer | null> {
    const { queue } = this.#deps;
    const { batch } = queue.backlog;
    if (batch !== null) return this.#sendBatch(batch);
    if (first.t === 'post' && first.n > this.#aloneUntil && queue.backlog.posts - this.#early.size >= LIVE)
      return this.#sendBatch(await this.#makeBatch());
    return this.#sendOne(first);
  }

  /** The next posts, under a key that is on the disk before they are sent: after a crash the same bytes go out again. */
  async #makeBatch(): Promise<Batch> {
    const { queue } = this.#deps;
    const of: number[] = [];
    let bytes = 0;
    const now = performance.now();
    for (const one of queue.backlog.waiting.values()) {
      if (one.t !== 'post' || this.#isEarly(one, now)) continue;
      bytes += one.place.size;
      if (of.length > 0 && (of.length === BATCH.lines || bytes > BATCH.bytes)) break;
      of.push(one.n);
    }
    const batch = { key: newKey(), of };
    queue.settle({ t: 'batch', ...batch });
    await queue.sync();
    return batch;
  }

  async #sendBatch({ key, of }: Batch): Promise<Answer | null> {
    const { queue, platform } = this.#deps;
    const entries: PostEntry[] = [];
    for (const n of of) {
      const waiting = queue.backlog.waiting.get(n);
      if (waiting) entries.push((await queue.read(waiting)).head as PostEntry);
    }
    // Some are settled: a crash came between. What is left has keys of its own.
    if (entries.length < of.length) return this.#split(key, of);
    const bytes = entries.map(({ body }) => `${JSON.stringify(body)}\n`).join('');
    const answer = await platform.call({
      method: 'POST',
      path: '/v1/inspections/batch',
      key,
      body: { type: 'application/x-ndjson', bytes },
      timeoutMs: BATCH_MS,
    });
    const meaning = meaningOf(answer.status, codeOf(answer.text), true);
    if (meaning === 'again' || meaning === 'hold') return answer;
    if (meaning !== 'done') return this.#split(key, of);
    const results = answer.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as BatchResult);
    if (!results.some(({ index }) => index in entries)) throw new Error('The answer to a batch tells of none of its lines');
    const made: { n: number; id: string }[] = [];
    let again: Answer | null = null;
    for (const [at, entry] of entries.entries()) {
      this.#early.delete(entry.n);
      const result = results.find(({ index }) => index === at);
      if (result?.status === 201 && result.id !== undefined) made.push({ n: entry.n, id: result.id });
      else if (result !== undefined)
        again = (await this.#judge(entry, { ...answer, status: result.status, text: JSON.stringify(result), retryAfter: null })) ?? again;
    }
    queue.settle({ t: 'done', n: made.map(({ n }) => n), ids: made.map(({ id }) => id), batch: key });
    this.sent += made.length;
    return again;
  }

  #split(key: string, of: readonly number[]): null {
    this.#aloneUntil = of.at(-1) ?? 0;
    this.#deps.queue.settle({ t: 'split', key });
    return null;
  }

  async #sendOne(waiting: Waiting): Promise<Answer | null> {
    const { queue, platform } = this.#deps;
    const { head, body } = await queue.read(waiting);
    const entry = head as Entry;
    let call: Call;
    if (entry.t === 'post') call = { method: 'POST', path: '/v1/inspections', body: json(entry.body) };
    else {
      const id = queue.backlog.idOf(entry.ref);
      if (typeof id !== 'string') {
        await this.#bury(entry, 0, { detail: 'Its inspection was refused' }, body);
        return null;
      }
      call = callFor(entry, id, body);
    }
    return this.#judge(entry, await platform.call({ ...call, key: entry.key }), body);
  }

  /** Settles an entry by its answer, or hands the answer back because it says to wait. */
  async #judge(entry: Entry, answer: Answer, bytes: Uint8Array = new Uint8Array(0)): Promise<Answer | null> {
    const { queue } = this.#deps;
    this.#early.delete(entry.n);
    switch (meaningOf(answer.status, codeOf(answer.text), entry.t === 'post', blamesClock(answer.text))) {
      case 'again':
      case 'hold':
        return answer;
      case 'done': {
        const id = receiptOf(answer.text, entry.t);
        queue.settle({ t: 'done', n: [entry.n], ids: [entry.t === 'post' ? id : null] });
        this.sent += 1;
        return null;
      }
      case 'used': {
        const id = entry.t === 'post' ? await this.#find(entry) : null;
        if (id === null) await this.#bury(entry, answer.status, parsed(answer.text), bytes);
        else queue.settle({ t: 'done', n: [entry.n], ids: [id] });
        return null;
      }
      case 'early': {
        const time = entry.t === 'post' ? Date.parse(entry.body.inspected_at ?? '') || entry.at : entry.at;
        const seconds = untilTaken(time, answer.at);
        if (seconds === null) await this.#bury(entry, answer.status, parsed(answer.text), bytes);
        else this.#early.set(entry.n, performance.now() + seconds * 1000);
        this.#tell('The clock of this station is ahead of the platform’s', answer.status);
        return null;
      }
      default:
        await this.#bury(entry, answer.status, parsed(answer.text), bytes);
        return null;
    }
  }

  /** The inspection that has this number, when it is this one: it arrived, and its key was forgotten since. @throws when nobody can tell now */
  async #find({ body }: PostEntry): Promise<string | null> {
    const query = new URLSearchParams({ chip_id: body.chip_id, lot_id: body.lot_id, inspection_type: body.inspection_type, limit: '100' });
    const answer = await this.#deps.platform.call({ method: 'GET', path: `/v1/inspections?${query}` });
    if (answer.status !== 200) throw new Error(`Whose number ${body.station_sequence} is cannot be told: ${answer.status}`);
    const { data } = JSON.parse(answer.text) as { data: Inspection[] };
    return data.find((one) => one.station_epoch === body.station_epoch && one.station_sequence === body.station_sequence)?.id ?? null;
  }

  async #bury(entry: Entry, status: number, problem: unknown, bytes: Uint8Array): Promise<void> {
    await this.#deps.dead.add({
      at: new Date().toISOString(),
      status,
      problem,
      entry,
      ...(bytes.length > 0 ? { bytes: Buffer.from(bytes).toString('base64') } : {}),
    });
    this.#deps.queue.settle({ t: 'dead', n: entry.n });
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 1000);
  }
}

const json = (value: unknown) => ({ type: 'application/json', bytes: JSON.stringify(value) });

function callFor(entry: FileEntry | MeasureEntry, id: string, bytes: Uint8Array): Call {
  if (entry.t === 'measure') return { method: 'POST', path: `/v1/inspections/${id}/measurements`, body: json(entry.values) };
  const path = `/v1/inspections/${id}/artifacts?kind=${entry.kind}`;
  return { method: 'POST', path, body: { type: entry.type, bytes }, timeoutMs: FILE_MS };
}
