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

test('a connection that has gone silent is not live: it is given up and made anew after the last cursor', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const names = { setTimeout, clearTimeout, addEventListener() {}, removeEventListener() {} };
  Object.assign(globalThis, { window: names, WebSocket: FakeSocket });
  const states: StreamState[] = [];
  const stream = openStream({
    url: 'ws://test',
    token: async () => 'token',
    onEvent: () => undefined,
    onGap: () => undefined,
    onState: (state) => states.push(state),
  });
  const settle = async () => {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };
  await settle();
  const [first] = FakeSocket.made;
  first?.onopen?.();
  assert.deepEqual(JSON.parse(first?.sent[0] ?? ''), { type: 'subscribe', beat: true });
  const say = (message: object) => first?.onmessage?.({ data: JSON.stringify(message) });
  say({ type: 'subscribed', cursor: '7.0' });
  for (let beats = 0; beats < 5; beats++) {
    t.mock.timers.tick(20_000);
    say({ type: 'beat' });
  }
  assert.deepEqual(states, ['connecting', 'live']);
  t.mock.timers.tick(SILENCE);
  assert.deepEqual(states, ['connecting', 'live', 'offline']);
  assert.ok(first?.closed);
  t.mock.timers.tick(20_000);
  await settle();
  const second = FakeSocket.made[1];
  second?.onopen?.();
  assert.deepEqual(JSON.parse(second?.sent[0] ?? ''), { type: 'subscribe', beat: true, after: '7.0' });
  stream.close();
});
