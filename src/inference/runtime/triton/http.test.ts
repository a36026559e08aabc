import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { httpClient } from './http.ts';

test('a heartbeat is answered while as many runs are at the server as may be set, and a time need be no whole number', async (t) => {
  let runs = 0;
  // Holds runs, answers questions.
  const server = createServer((request, response) => {
    if (request.method === 'GET') response.end();
    else runs += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = httpClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });
  const tensors = { pair: { type: 'uint8' as const, dims: [1], data: new Uint8Array(1) } };
  const gone = new AbortController();
  const held = Array.from({ length: 256 }, (_, at) =>
    assert.rejects(client.infer({ model: 'm', version: 1, id: String(at), tensors, timeoutMs: 59_999.5, signal: gone.signal }), {
      kind: 'given_up',
    }),
  );
  for (const end = performance.now() + 30_000; runs < 256 && performance.now() < end; )
    await new Promise((resolve) => setTimeout(resolve, 20));
  let live = false;
  for (let tries = 0; !live && tries < 5; tries += 1) live = await client.live(400).catch(() => false);
  assert.equal(live, true);
  assert.equal(runs, 256);
  gone.abort();
  await Promise.all(held);
});
