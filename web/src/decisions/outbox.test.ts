import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AGAIN_MS, type Choice, createOutbox, GIVE_UP_MS, UNDO_MS } from './outbox.ts';

const AWAY = new Error('away');
const reject = (id: string): Choice => ({
  kind: 'defect',
  inspection: 'board',
  item: 'board',
  defect: { id, version: 1 },
  decision: { decision: 'reject' },
});

function bench(fault: Error | null = null) {
  let now = 0;
  let timers: { at: number; run(): void }[] = [];
  const sent: string[] = [];
  const failed: string[] = [];
  const tried: string[] = [];
  const taken: string[] = [];
  let keys = 0;
  let hang = false;
  let answer: (() => void)[] = [];
  const nameOf = (choice: Choice) => (choice.kind === 'defect' ? choice.defect.id : choice.of.id);
  const outbox = createOutbox({
    send: async (choice, { key, keepalive }) => {
      tried.push(key);
      if (fault) throw fault;
      sent.push(nameOf(choice) + (keepalive ? ' on leaving' : ''));
      if (hang) await new Promise<void>((resolve) => answer.push(resolve));
    },
    passes: (error) => error === AWAY,
    onChange: () => undefined,
    onSent: (choice) => taken.push(nameOf(choice)),
    onFailed: (choice) => failed.push(nameOf(choice)),
    now: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    makeKey: () => `key ${++keys}`,
  });
  return {
    outbox,
    sent,
    failed,
    tried,
    taken,
    mend() {
      fault = null;
    },
    /** From now on no answer comes. */
    hang() {
      hang = true;
    },
    /** What hangs is answered, and what follows at once. */
    async answer() {
      hang = false;
      for (const one of answer) one();
      answer = [];
      await new Promise((resolve) => setImmediate(resolve));
    },
    async pass(ms: number) {
      now += ms;
      for (const timer of timers.filter(({ at }) => at <= now)) timer.run();
      timers = timers.filter(({ at }) => at > now);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('a decision is sent once the time for an undo is over', async () => {
  const { outbox, sent, pass } = bench();
  outbox.add(reject('a'));
  await pass(UNDO_MS - 1);
  assert.deepEqual(sent, []);
  await pass(1);
  assert.deepEqual(sent, ['a']);
  assert.equal(outbox.undo(), null);
});

test('undo takes back the last one only, and nothing of it is sent', async () => {
  const { outbox, sent, pass } = bench();
  outbox.add(reject('a'));
  await pass(1000);
  outbox.add(reject('b'));
  assert.deepEqual(outbox.undo(), reject('b'));
  await pass(UNDO_MS * 2);
  assert.deepEqual(sent, ['a']);
});

test('leaving the page sends what is left', async () => {
  const { outbox, sent, pass } = bench();
  outbox.add(reject('a'));
  outbox.add(reject('b'));
  outbox.flush();
  await pass(UNDO_MS * 2);
  assert.deepEqual(sent, ['a on leaving', 'b on leaving']);
});

test('a decision that is refused is given back', async () => {
  const { outbox, failed, pass } = bench(new Error('someone else was first'));
  outbox.add(reject('a'));
  await pass(UNDO_MS);
  assert.deepEqual(failed, ['a']);
  assert.equal(outbox.waiting().length, 0);
  assert.equal(outbox.unsent().length, 0);
});

test('a decision that did not reach the platform is sent again under the same key until it is taken', async () => {
  const { outbox, sent, failed, tried, mend, pass } = bench(AWAY);
  outbox.add(reject('a'));
  await pass(UNDO_MS);
  assert.deepEqual(outbox.unsent(), [reject('a')]);
  assert.equal(outbox.undo(), null, 'it may have been taken');
  await pass(AGAIN_MS);
  mend();
  await pass(AGAIN_MS);
  assert.deepEqual(sent, ['a']);
  assert.deepEqual(failed, []);
  assert.deepEqual(tried, ['key 1', 'key 1', 'key 1']);
  assert.deepEqual(outbox.unsent(), []);
  await pass(AGAIN_MS * 3);
  assert.equal(tried.length, 3);
});

test('a decision on its way is known to be there, and one that nobody answers is sent again under its key', async () => {
  const { outbox, hang, answer, tried, taken, pass } = bench();
  hang();
  outbox.add(reject('a'));
  await pass(UNDO_MS);
  assert.deepEqual([outbox.waiting().length, outbox.sending(), outbox.unsent()], [0, [reject('a')], []]);
  await pass(GIVE_UP_MS);
  assert.deepEqual([outbox.sending(), outbox.unsent()], [[], [reject('a')]]);
  await answer();
  assert.deepEqual(taken, [], 'an answer that comes too late counts for nothing: the next one tells the same');
  await pass(AGAIN_MS);
  assert.deepEqual(tried, ['key 1', 'key 1']);
  assert.deepEqual(taken, ['a']);
  assert.deepEqual(outbox.unsent(), []);
});

test('what is not taken yet is known with its key and time, and is sent under it when the page is there again', async () => {
  const before = bench(AWAY);
  before.outbox.add(reject('a'));
  await before.pass(UNDO_MS);
  before.outbox.add(reject('b'));
  const left = before.outbox.left();
  assert.deepEqual(
    left.map(({ choice, key, at }) => ({ choice, key, at })),
    [
      { choice: reject('a'), key: 'key 1', at: 0 },
      { choice: reject('b'), key: 'key 2', at: UNDO_MS },
    ],
  );
  const { outbox, hang, answer, tried, taken } = bench();
  hang();
  outbox.restore(left);
  assert.deepEqual([outbox.unsent(), outbox.undo()], [[reject('a'), reject('b')], null]);
  await answer();
  assert.deepEqual([tried, taken, outbox.left()], [['key 1', 'key 2'], ['a', 'b'], []]);
});

test('what is on its way is not sent a second time beside it, but once when the browser leaves, and is told once', async () => {
  const { outbox, hang, answer, sent, taken, pass } = bench();
  hang();
  outbox.add(reject('a'));
  await pass(UNDO_MS);
  outbox.flush();
  assert.deepEqual(sent, ['a']);
  outbox.leave();
  outbox.leave();
  assert.deepEqual(sent, ['a', 'a on leaving']);
  await answer();
  assert.deepEqual(taken, ['a']);
  assert.deepEqual(outbox.sending(), []);
});

test('before signing out everything is sent and waited for, within a time, and what is given up is not sent later', async () => {
  const well = bench();
  well.outbox.add(reject('a'));
  assert.equal(await well.outbox.drain(5_000), true);
  assert.deepEqual(well.taken, ['a']);

  const away = bench(AWAY);
  away.outbox.add(reject('a'));
  assert.equal(await away.outbox.drain(5_000), false);
  assert.deepEqual(away.outbox.unsent(), [reject('a')]);

  const { outbox, hang, answer, taken, tried, pass } = bench();
  hang();
  outbox.add(reject('a'));
  const drained = outbox.drain(5_000);
  await pass(5_000);
  assert.equal(await drained, false);
  outbox.drop();
  await answer();
  await pass(GIVE_UP_MS + AGAIN_MS);
  assert.deepEqual([taken, tried, outbox.sending(), outbox.unsent()], [[], ['key 1'], [], []]);
});
