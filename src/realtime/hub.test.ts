import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { ENGINEER, MemoryFeed } from '../../test/support/memory-feed.ts';
import { createHub, type HubSocket } from './hub.ts';

test('a client that takes nothing is gone within 30 s, whenever it stalls; one that answers stays', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const hub = createHub({ feed: new MemoryFeed(), metrics: { openStreams: { set() {} } } as never });
  const token = { expiresAt: undefined, recheck: async () => undefined };
  function join(stallsAfter: number): void {
    const socket = Object.assign(new EventEmitter(), {
      bufferedAmount: 0,
      send() {},
      close() {},
      terminate: () => void socket.emit('close'),
      ping() {
        if (seconds <= stallsAfter) socket.emit('pong');
      },
    });
    hub.add(socket as unknown as HubSocket, ENGINEER, token);
  }
  let seconds = 0;
  join(Number.POSITIVE_INFINITY);
  for (let second = 0; second < 60; second += 1) join(second);
  const stalled = () => hub.size - 1;
  for (; seconds < 90; ) {
    seconds += 1;
    t.mock.timers.tick(1000);
    assert.ok(stalled() <= Math.max(0, 60 - Math.max(0, seconds - 30)), `after ${seconds} s ${stalled()} are left`);
  }
  assert.equal(hub.size, 1);
});
