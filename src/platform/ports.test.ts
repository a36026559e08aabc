import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { freePort, freePorts } from './ports.ts';

test('ports that are given together differ, can all be listened on, and are none that an outgoing connection gets', async (t) => {
  for (let round = 0; round < 20; round += 1) {
    const ports = await freePorts(4);
    assert.equal(new Set(ports).size, 4);
    for (const port of ports) {
      assert.ok(port >= 1024 && port < 32_768);
      const server = createServer().listen(port, '127.0.0.1');
      t.after(() => server.close());
      await once(server, 'listening');
    }
  }
  assert.equal(typeof (await freePort()), 'number');
});
