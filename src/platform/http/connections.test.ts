import assert from 'node:assert/strict';
import { once } from 'node:events';
import { IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { test } from 'node:test';
import v8 from 'node:v8';
import type { Caller } from '../../contracts/permissions.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createApp } from './app.ts';

const caller: Caller = {
  subject: 'c-1',
  kind: 'client',
  name: 'aoi-1',
  roles: ['inspection_station'],
  scopes: new Set(['inspections:write']),
  site: 'hamburg',
  stationId: 'AOI-1',
};
const CONNECTIONS = 50;

test('a connection that stays open after its answer keeps nothing of its request, whichever way it was answered', async (t) => {
  const log = createLog({ level: 'silent', service: 'test' });
  const app = await createApp({ authenticate: () => caller, metrics: createMetrics(), log, rateLimit: 1e9 });
  app.post('/v1/lean', { config: { permission: 'inspections:write', class: 'create', lean: true } }, async (_request, reply) => {
    reply.sendText({ status: 201, text: '{}', location: '/v1/lean/1', version: 1 });
    return reply;
  });
  app.post('/v1/plain', { config: { permission: 'inspections:write' } }, async () => ({}));
  await app.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  for (const [path, status] of [
    ['/v1/lean', 201],
    ['/v1/plain', 200],
    ['/v1/none', 404],
  ] as const) {
    const sockets: Socket[] = [];
    for (let index = 0; index < CONNECTIONS; index += 1) {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer good\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
      );
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      assert.match(bytes.toString(), new RegExp(`^HTTP/1.1 ${status} `));
    }
    // It collects first, and counts what is left.
    const kept = v8.queryObjects(IncomingMessage, { format: 'count' });
    for (const socket of sockets) socket.destroy();
    assert.ok(kept < CONNECTIONS / 5, `${kept} requests are kept of ${CONNECTIONS} on ${path}`);
  }
});
