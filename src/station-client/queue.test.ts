import assert from 'node:assert/strict';
import { cpSync, mkdtempSync } from 'node:fs';
import {
  appendFile,
  cp,
  type FileHandle,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { Waiting } from './backlog.ts';
import { DeadLetters } from './dead-letters.ts';
import { encodeFrame, readFrames } from './frame.ts';
import { newKey } from './key.ts';
import { QueueFull, StationQueue } from './queue.ts';
import type { Entry } from './records.ts';

const folders: string[] = [];
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-queue-'));
  folders.push(folder);
  return folder;
}
const LIMITS = { maxBytes: 16 * 1024 * 1024, maxEntries: 1000, epoch: 1 };
const open = (folder: string, more: Partial<typeof LIMITS> = {}) => StationQueue.open({ folder, ...LIMITS, ...more });
const post = (queue: StationQueue, chip: string) => {
  const key = newKey();
  return queue.enqueue(300, ({ n, epoch, sequence }) => ({
    head: {
      t: 'post',
      n,
      key,
      ref: key,
      at: n,
      body: { lot_id: 'LOT-2026-001', chip_id: chip, inspection_type: 'visual', station_epoch: epoch, station_sequence: sequence },
    },
  }));
};
const file = (queue: StationQueue, ref: string, bytes: Uint8Array) =>
  queue.enqueue(bytes.length + 200, ({ n }) => ({
    head: { t: 'file', n, key: newKey(), ref, at: n, kind: 'image', type: 'image/png' },
    body: bytes,
  }));
/** Everything that a restart has to bring back. */
const stateOf = ({ backlog }: StationQueue, refs: Iterable<string>) => ({
  epoch: backlog.epoch,
  next: backlog.next,
  sequence: backlog.sequence,
  batch: backlog.batch,
  posts: backlog.posts,
  waiting: [...backlog.waiting.values()],
  refs: [...refs].map((ref) => backlog.idOf(ref)),
});

test('whatever is queued, settled, batched and dropped, in however small segments: a restart brings the same back', async () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.constant('post' as const) },
    { weight: 2, arbitrary: fc.constant('file' as const) },
    { weight: 4, arbitrary: fc.constant('done' as const) },
    { weight: 1, arbitrary: fc.constantFrom('dead' as const, 'batch' as const, 'restart' as const, 'crash' as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      let folder = await newFolder();
      const limits = { maxBytes: 16 * 1024 };
      // An eighth of it is a segment: five records or so.
      let queue = await open(folder, limits);
      const refs: string[] = [];
      for (const [turn, what] of steps.entries()) {
        const first = queue.backlog.first();
        if (what === 'post') refs.push((await post(queue, `C-${turn}`).catch(() => null))?.ref ?? '');
        else if (what === 'file' && refs.length > 0) await file(queue, refs.at(-1) ?? '', new Uint8Array(turn * 7)).catch(() => null);
        else if (what === 'done' && first) queue.settle({ t: 'done', n: [first.n], ids: [first.t === 'post' ? `id-${first.n}` : null] });
        else if (what === 'dead' && first) queue.settle({ t: 'dead', n: first.n });
        else if (what === 'batch' && first?.t === 'post' && queue.backlog.batch === null)
          queue.settle({ t: 'batch', key: newKey(), of: [first.n] });
        else if (what === 'restart' || what === 'crash') {
          await queue.sync();
          const before = stateOf(queue, refs);
          const was = folder;
          if (what === 'crash') {
            // The files as they are while the process still runs: what kill -9 leaves.
            folder = await newFolder();
            await cp(was, folder, { recursive: true });
            await queue.close();
          } else await queue.close();
          queue = await open(folder, limits);
          assert.deepEqual(stateOf(queue, refs), before);
          assert.deepEqual(queue.damage, []);
          for (const one of queue.backlog.waiting.values()) assert.equal(((await queue.read(one)).head as { n: number }).n, one.n);
        }
      }
      await queue.close();
    }),
    { numRuns: 150 },
  );
});

test('a file whose inspection is there already finds it after a restart, though the segment of its post is gone', async () => {
  const folder = await newFolder();
  const limits = { maxBytes: 16 * 1024 };
  const queue = await open(folder, limits);
  const { n, ref } = await post(queue, 'C-1');
  const oldest = (await readdir(folder)).sort()[0] as string;
  // Fills the segment of the post, so that its other file and what became of it stand in the next one.
  const filler = await file(queue, ref, new Uint8Array(2048));
  const waits = await file(queue, ref, new Uint8Array(8));
  assert.notEqual(waits.place.segment, filler.place.segment);
  queue.settle({ t: 'done', n: [n], ids: ['id-1'] });
  await queue.sync();
  queue.settle({ t: 'done', n: [filler.n], ids: [null] });
  await queue.sync();
  assert.ok(!(await readdir(folder)).includes(oldest));
  await queue.close();
  const again = await open(folder, limits);
  assert.deepEqual([again.backlog.idOf(ref), again.backlog.waiting.size], ['id-1', 1]);
  await again.close();
});

test('what is settled while old segments go is on the disk before the segments that it speaks of go', async () => {
  const folder = await newFolder();
  const limits = { maxBytes: 16 * 1024 };
  const queue = await open(folder, limits);
  const posts: Waiting[] = [];
  for (let at = 0; at < 40; at += 1) posts.push(await post(queue, `C-${at}`));
  const oldest = posts[0]?.place.segment;
  const early = posts.filter(({ place }) => place.segment === oldest);
  const late = posts.slice(early.length);
  const one = late[0] as Waiting;
  await file(queue, one.ref, new Uint8Array(8));
  const done = (of: readonly Waiting[]) => queue.settle({ t: 'done', n: of.map(({ n }) => n), ids: of.map(({ n }) => `id-${n}`) });
  const copies: string[] = [];
  const needs = queue.backlog.needs.bind(queue.backlog);
  queue.backlog.needs = (segment) => {
    // The folder as kill -9 leaves it now.
    const copy = mkdtempSync(join(tmpdir(), 'cqp-queue-'));
    folders.push(copy);
    copies.push(copy);
    cpSync(folder, copy, { recursive: true });
    // While the first segment is being removed.
    if (copies.length === 1) queueMicrotask(() => done(late));
    return needs(segment);
  };
  done(early);
  await queue.sync();
  await queue.close();
  assert.ok(copies.length > 3);
  for (const copy of copies) {
    const left = await open(copy, limits);
    assert.notEqual(left.backlog.idOf(one.ref), undefined);
    await left.close();
  }
});

test('an end that was being written is cut off and told; everything that was promised is there, once', async () => {
  const folder = await newFolder();
  const queue = await open(folder);
  for (let at = 0; at < 5; at += 1) await post(queue, `C-${at}`);
  const before = stateOf(queue, []);
  await queue.close();
  const [name = ''] = await readdir(folder);
  const half = encodeFrame({ t: 'post', n: 6, key: 'k', ref: 'k', at: 6, body: {} });
  const old = encodeFrame({ t: 'post', n: 3, key: 'k', ref: 'k', at: 3, body: {} });
  for (const tail of [half.subarray(0, 5), half.subarray(0, half.length - 1), Buffer.alloc(4096), Buffer.concat([Buffer.alloc(3), old])]) {
    await appendFile(join(folder, name), tail);
    const again = await open(folder);
    assert.deepEqual(stateOf(again, []), before);
    assert.deepEqual(
      again.damage.map(({ torn, bytes }) => [torn, bytes]),
      [[true, tail.length]],
    );
    await again.close();
    const clean = await open(folder);
    assert.deepEqual(clean.damage, []);
    await clean.close();
  }
  const more = await open(folder);
  assert.equal((await post(more, 'C-5')).sequence, 6, 'the number of what was cut off was given to nobody');
  await more.close();
});

/** Turns one bit of the n-th record of a file that was queued by `post`. */
async function breakFrame(folder: string, name: string, n: number): Promise<void> {
  const path = join(folder, name);
  const bytes = await readFile(path);
  readFrames(bytes, ({ head, size }, at) => {
    if ((head as { n?: number }).n === n && (head as { t: string }).t === 'post') bytes[at + size - 3] = (bytes[at + size - 3] ?? 0) ^ 1;
  });
  await writeFile(path, bytes);
}

test('damage in the newest segment is no torn end: what lies behind it is kept, and no number is given out twice', async () => {
  const folder = await newFolder();
  const queue = await open(folder);
  const posts: Waiting[] = [];
  for (let at = 1; at <= 3; at += 1) posts.push(await post(queue, `C-${at}`));
  await queue.close();
  const [name = ''] = await readdir(folder);
  await breakFrame(folder, name, 2);
  for (const opened of ['the first time', 'again']) {
    const again = await open(folder);
    assert.deepEqual(
      again.damage.map(({ torn, bytes }) => [torn, bytes]),
      [[false, posts[1]?.place.size]],
      opened,
    );
    assert.deepEqual([...again.backlog.waiting.keys()].slice(0, 2), [1, 3]);
    assert.ok(again.backlog.epoch > 1);
    assert.equal(((await again.read(again.backlog.waiting.get(3) as Waiting)).head as { n: number }).n, 3);
    assert.equal((await post(again, 'C-4')).sequence, opened === 'again' ? 2 : 1);
    await again.close();
  }
  const last = await open(folder);
  const waiting = [...last.backlog.waiting.keys()];
  assert.deepEqual(waiting, [1, 3, 4, 5]);
  last.settle({ t: 'done', n: waiting, ids: waiting.map((n) => `id-${n}`) });
  await last.sync();
  await last.close();
  assert.ok((await readdir(folder)).includes(`${name}.damaged`), 'the bytes are kept for a person');
});

test('two new folders of one second have two counts: else the numbers of the second would be used ones', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 10, 27, 8, 0, 0, 100) });
  const { epoch: _, ...limits } = LIMITS;
  const epochs: number[] = [];
  for (const _folder of ['one', 'other']) {
    const queue = await StationQueue.open({ folder: await newFolder(), ...limits });
    epochs.push(queue.backlog.epoch);
    await queue.close();
    t.mock.timers.tick(200);
  }
  assert.ok((epochs[1] ?? 0) > (epochs[0] ?? 0), String(epochs));
});

test('a broken record whose note lies behind it was safe as well', async () => {
  const folder = await newFolder();
  const queue = await open(folder);
  const one = await post(queue, 'C-1');
  await post(queue, 'C-2');
  queue.settle({ t: 'done', n: [2], ids: ['id-2'] });
  await queue.sync();
  await queue.close();
  const [name = ''] = await readdir(folder);
  await breakFrame(folder, name, 2);
  const again = await open(folder);
  assert.deepEqual([again.damage[0]?.torn, [...again.backlog.waiting.keys()]], [false, [one.n]]);
  assert.ok(again.backlog.epoch > 1);
  await again.close();
});

test('a broken record is no torn end when a later record of another entry lies behind it', async () => {
  for (const later of [
    { t: 'done', n: [1], ids: ['id-1'] },
    { t: 'dead', n: 1 },
    { t: 'batch', key: 'k', of: [1] },
  ] as const) {
    const folder = await newFolder();
    const queue = await open(folder);
    await post(queue, 'C-1');
    await post(queue, 'C-2');
    queue.settle(structuredClone(later) as Parameters<typeof queue.settle>[0]);
    await queue.sync();
    await queue.close();
    const [name = ''] = await readdir(folder);
    await breakFrame(folder, name, 2);
    const again = await open(folder);
    assert.deepEqual([again.damage[0]?.torn, again.backlog.waiting.has(2)], [false, false], later.t);
    assert.ok(again.backlog.epoch > 1, 'its number is not given out again');
    await again.close();
  }
});

test('damage in an older segment is told apart: what can be read of it and what came later is kept', async () => {
  const folder = await newFolder();
  const queue = await open(folder, { maxBytes: 16 * 1024 });
  for (let at = 0; at < 20; at += 1) await post(queue, `C-${at}`);
  await queue.close();
  const names = (await readdir(folder)).sort();
  assert.ok(names.length > 2);
  await truncate(join(folder, names[0] ?? ''), 600);
  const again = await open(folder, { maxBytes: 16 * 1024 });
  assert.deepEqual(
    again.damage.map(({ segment, torn }) => [segment, torn]),
    [[1, false]],
  );
  assert.ok(again.backlog.waiting.size >= 10 && again.backlog.waiting.size < 20);
  assert.equal(again.backlog.sequence, 21);
  await again.close();
});

test('many at once share a write; a full queue refuses and takes no number', async () => {
  const folder = await newFolder();
  const queue = await open(folder, { maxEntries: 100 });
  const made = await Promise.allSettled(Array.from({ length: 120 }, (_, at) => post(queue, `C-${at}`)));
  const numbers = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value.sequence] : []));
  assert.deepEqual(
    numbers,
    Array.from({ length: 100 }, (_, at) => at + 1),
  );
  assert.ok(made.slice(100).every((one) => one.status === 'rejected' && one.reason instanceof QueueFull));
  for (const one of [...queue.backlog.waiting.values()]) queue.settle({ t: 'done', n: [one.n], ids: [`id-${one.n}`] });
  await queue.sync();
  assert.equal((await post(queue, 'C-200')).sequence, 101);
  await queue.close();
});

test('an inspection that arrived is known by its id when the segment that said so is gone', async () => {
  const folder = await newFolder();
  const limits = { maxBytes: 16 * 1024 };
  const queue = await open(folder, limits);
  const { ref } = await post(queue, 'C-0');
  for (let at = 1; at < 30; at += 1) {
    queue.settle({ t: 'done', n: [at], ids: [`id-${at}`] });
    await post(queue, `C-${at}`);
  }
  await queue.close();
  assert.ok(!(await readdir(folder)).includes('0000000001.seg'));
  const again = await open(folder, limits);
  assert.deepEqual([again.backlog.idOf(ref), again.backlog.waiting.size], ['id-1', 1]);
  await again.close();
});

/** The disk's own word, held back or denied: every handle of this process has it from here. */
async function disk(): Promise<Pick<FileHandle, 'datasync'>> {
  const handle = await openFile(join(await newFolder(), 'x'), 'w');
  await handle.close();
  return Object.getPrototypeOf(handle) as FileHandle;
}

test('nobody is told that an entry is safe before the disk has said so', async (t) => {
  const queue = await open(await newFolder());
  const { promise: said, resolve: say } = Promise.withResolvers<void>();
  const faked = t.mock.method(await disk(), 'datasync', () => said);
  let told = 0;
  const posts = [0, 1, 2].map((at) => post(queue, `C-${at}`).then(() => (told += 1)));
  await new Promise((go) => setTimeout(go, 100));
  assert.deepEqual([told, queue.backlog.first()], [0, undefined], 'not told, and nothing to send yet');
  say();
  await Promise.all(posts);
  assert.equal(faked.mock.callCount(), 2, 'the second and third shared one');
  await queue.close();
});

test('after a flush that failed nothing is promised until the folder is opened anew', async (t) => {
  const folder = await newFolder();
  const queue = await open(folder);
  await post(queue, 'C-0');
  const faked = t.mock.method(await disk(), 'datasync', () => Promise.reject(Object.assign(new Error('i/o error'), { code: 'EIO' })));
  await assert.rejects(post(queue, 'C-1'), /i\/o error/);
  faked.mock.restore();
  await assert.rejects(post(queue, 'C-2'), /disk failed/);
  await queue.close();
  const again = await open(folder);
  assert.deepEqual([...again.backlog.waiting.keys()], [1]);
  assert.equal((await post(again, 'C-3')).sequence, 2);
  await again.close();
});

test('the file of dead letters has no more bytes than it may, whatever their characters', async () => {
  const folder = await newFolder();
  const entry: Entry = { t: 'measure', n: 1, key: newKey(), ref: newKey(), at: 0, values: [] };
  const letter = { at: '2026-01-01T00:00:00Z', status: 422, problem: { detail: 'ä'.repeat(200) }, entry };
  const most = 2 * Buffer.byteLength(`${JSON.stringify(letter)}\n`) - 1;
  const letters = new DeadLetters(folder, most);
  await letters.open();
  const add = () => letters.add(letter);
  await add();
  await assert.rejects(add, /is full/);
  assert.ok((await readFile(join(folder, 'dead.ndjson'))).length <= most);
  await rename(join(folder, 'dead.ndjson'), join(folder, 'looked-at.ndjson'));
  await add();
  assert.equal(letters.count, 1, 'moved away, it takes letters again without a restart');
});
