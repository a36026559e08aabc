import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createApp } from './app.ts';
import { retryAfterFor } from './hold-back.ts';

const BODY = JSON.stringify({ lot_id: 'LOT-2026-001', chip_id: 'PCB-A1', inspection_type: 'visual' });
const request = (more = ''): string =>
  `POST /v1/inspections HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n${more}\r\n${BODY}`;

test('the more connections there are, the later a refused one may come back, and not all at once', () => {
  const most = (connections: number) => [0, 0.5, 0.999].map((chance) => retryAfterFor(connections, chance));
  assert.deepEqual([0, 1, 1000, 4000, 10_000, 100_000].map(most), [
    [1, 1, 1],
    [1, 1, 1],
    [1, 1, 1],
    [2, 4, 6],
    [5, 10, 15],
    [5, 10, 15],
  ]);
});

/** Milliseconds from one refusal to the next on one connection that asks again at once, `times` times. */
async function refusals(more: string, times: number): Promise<number[]> {
  const log = createLog({ level: 'silent', service: 'test' });
  const app = await createApp({ authenticate: () => null, metrics: createMetrics(), log, rateLimit: 1e9, creations: { most: 0 } } as never);
  app.post('/v1/inspections', { config: { permission: 'inspections:write', class: 'create' } }, async () => ({}));
  await app.listen({ port: 0, host: '127.0.0.1' });
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    const gaps: number[] = [];
    let since = performance.now();
    for (let time = 0; time < times; time += 1) {
      socket.write(request(more));
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      assert.match(bytes.toString(), /^HTTP\/1.1 503 [\s\S]*\r\nretry-after: 1\r\n/i);
      gaps.push(performance.now() - since);
      since = performance.now();
    }
    return gaps;
  } finally {
    socket.destroy();
    await app.close();
  }
}

test('a refused connection that asks again at once is read only when its time is over, each time', async () => {
  const [, ...later] = await refusals('', 4);
  for (const gap of later) assert.ok(gap > 400 && gap < 20_000, `${gap} ms`);
});

test('behind a proxy nobody is held back: the connection carries other clients', async () => {
  const gaps = await refusals('x-forwarded-for: 192.0.2.1\r\n', 4);
  // Others on the machine make a time longer, never shorter; held back, each would take a second.
  assert.ok(Math.min(...gaps.slice(1)) < 900, `${gaps} ms`);
});
