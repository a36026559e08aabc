import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Choice, createOutbox, UNDO_MS } from './outbox.ts';

const reject = (id: string): Choice => ({
  kind: 'defect',
  inspection: 'board',
  item: 'board',
  defect: { id, version: 1 },
  decision: { decision: 'reject' },
});

function bench(fails = false) {
  let now = 0;
  let timers: { at: number; run(): void }[] = [];
  const sent: string[] = [];
  const failed: string[] = [];
  const nameOf = (choice: Choice) => (choice.kind === 'defect' ? choice.defect.id : choice.of.id);
  const outbox = createOutbox({
    send: async (choice, { keepalive }) => {
      if (fails) throw new Error('away');
      sent.push(nameOf(choice) + (keepalive ? ' on leaving' : ''));
    },
    onChange: () => undefined,
    onSent: () => undefined,
    onFailed: (choice) => failed.push(nameOf(choice)),
    now: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    makeKey: () => 'key',
  });
  return {
    outbox,
    sent,
    failed,
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

test('a decision that cannot be sent is given back', async () => {
  const { outbox, failed, pass } = bench(true);
  outbox.add(reject('a'));
  await pass(UNDO_MS);
  assert.deepEqual(failed, ['a']);
  assert.equal(outbox.waiting().length, 0);
});
