import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { listenerOn, memoryPeaks, parseMachine, parseStat, treeCpu } from './process-tree.ts';

test('a process is read from its line, whatever its name holds, ended children included', () => {
  const line = '4242 (odd ) name) S 17 4242 4242 0 -1 4194560 1 2 3 4 120 30 5 7 20 0 1 0 100 200 300';
  assert.deepEqual(parseStat(4242, line), { pid: 4242, parent: 17, name: 'odd ) name', cpuMicros: 1_620_000 });
});

test('the machine is busy with all but idling and waiting for disks', () => {
  const found = parseMachine('cpu  100 20 30 4000 500 6 7 8 9 10\ncpu0 1 2 3\n');
  assert.deepEqual(found, { busyMicros: 1_630_000, stolenMicros: 80_000 });
});

test('this process is found: its time, its peak, its port', { skip: process.platform !== 'linux' && 'reads /proc' }, async (t) => {
  assert.ok(treeCpu(process.pid).program > 0);
  const own = memoryPeaks(process.pid).find(({ pid }) => pid === process.pid);
  assert.ok(own && own.peak_mib >= own.now_mib && own.now_mib > 20);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  assert.equal(listenerOn((server.address() as AddressInfo).port), process.pid);
});
