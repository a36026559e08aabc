import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStream, SILENCE, type StreamState } from './stream.ts';

class FakeSocket {
  static made: FakeSocket[] = [];
  static readonly OPEN = 1;
  readonly sent: string[] = [];
  readyState = 1;
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor() {
    FakeSocket.made.push(this);
  }
  send(text: string): void {
    this.sent.push(text);
  }
  /** Half-open: it is asked to close, and never says that it did. */
  close(): void {
    this.closed = true;
  }
}

type Names = { addEventListener(name: string, act: () => void): void };
function open(names: Partial<Names> = {}, token = async () => 'token') {
  FakeSocket.made = [];
  const window = { setTimeout, clearTimeout, addEventListener() {}, removeEventListener() {}, ...names };
  Object.assign(globalThis, { window, WebSocket: FakeSocket });
  const states: StreamState[] = [];
  const stream = openStream({
    url: 'ws://test',
    token,
    onEvent: () => undefined,
    onGap: () => undefined,
    onState: (state) => states.push(state),
  });
  return { stream, states };
}
async function opened(names: Partial<Names> = {}) {
  const { stream, states } = open(names);
  await settle();
  const [first] = FakeSocket.made;
  assert.ok(first);
  first.onopen?.();
  const say = (message: object) => first.onmessage?.({ data: JSON.stringify(message) });
  return { stream, states, first, say };
}
const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};

test('a line that the browser knows to be cut is told at once, whether or not the connection says that it closed', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const heard = new Map<string, () => void>();
  const { stream, states, first, say } = await opened({ addEventListener: (name, act) => void heard.set(name, act) });
  say({ type: 'subscribed', cursor: '7.0' });
  heard.get('offline')?.();
  assert.deepEqual(states, ['connecting', 'live', 'offline']);
  assert.ok(first.closed);
  say({ type: 'subscribed', cursor: '8.0' });
  assert.equal(states.length, 3, 'what it still says is of before');
  heard.get('online')?.();
  await settle();
  const second = FakeSocket.made[1];
  second?.onopen?.();
  assert.deepEqual(JSON.parse(second?.sent[0] ?? ''), { type: 'subscribe', beat: true, after: '7.0' });
  t.mock.timers.tick(20_000);
  await settle();
  assert.equal(FakeSocket.made.length, 2, 'one try, not two');
  stream.close();
});

test('a stream that is closed while its token is on the way is never opened', async () => {
  const token = Promise.withResolvers<string>();
  const { stream } = open({}, () => token.promise);
  stream.close();
  token.resolve('late');
  await settle();
  assert.equal(FakeSocket.made.length, 0);
});

test('a connection that has gone silent is not live: it is given up and made anew after the last cursor', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const { stream, states, first, say } = await opened();
  assert.deepEqual(JSON.parse(first.sent[0] ?? ''), { type: 'subscribe', beat: true });
  say({ type: 'subscribed', cursor: '7.0' });
  for (let beats = 0; beats < 5; beats++) {
    t.mock.timers.tick(20_000);
    say({ type: 'beat' });
  }
  assert.deepEqual(states, ['connecting', 'live']);
  t.mock.timers.tick(SILENCE);
  assert.deepEqual(states, ['connecting', 'live', 'offline']);
  assert.ok(first.closed);
  t.mock.timers.tick(20_000);
  await settle();
  const second = FakeSocket.made[1];
  second?.onopen?.();
  assert.deepEqual(JSON.parse(second?.sent[0] ?? ''), { type: 'subscribe', beat: true, after: '7.0' });
  stream.close();
});
