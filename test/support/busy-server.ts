import { setTimeout as pause } from 'node:timers/promises';
import { Type } from 'typebox';
import { InspectionCreate } from '../../src/contracts/inspections.ts';
import type { Caller } from '../../src/contracts/permissions.ts';
import { ref } from '../../src/contracts/primitives.ts';
import { createApp } from '../../src/platform/http/app.ts';
import { sendCsv } from '../../src/platform/http/csv.ts';
import { uuidv7 } from '../../src/platform/id.ts';
import { createLog } from '../../src/platform/telemetry/log.ts';
import { createMetrics } from '../../src/platform/telemetry/metrics.ts';

/**
 * The HTTP layer before a back room of known speed, in a process of its own: creations are done `AT_ONCE` at a time in `CREATE_MS` each, reads take
 * one of `READERS`. So that what an overload does to it is a property of the layer and not of the machine. Tells its port and, when asked, its counts.
 */
const AT_ONCE = 20;
const CREATE_MS = 200;
const READERS = 50;
const caller: Caller = {
  subject: 'c-1',
  kind: 'client',
  name: 'aoi-1',
  roles: ['inspection_station'],
  scopes: new Set(['inspections:write', 'inspections:read', 'lots:disposition']),
  site: 'hamburg',
  stationId: 'AOI-1',
};

if (import.meta.main) {
  const metrics = createMetrics({ process: true });
  const burstMs = Number(process.argv[2] ?? 20_000);
  const most = Number(process.argv[3] ?? 20_000);
  const log = createLog({ level: 'silent', service: 'busy' });
  const app = await createApp({
    authenticate: () => caller,
    metrics,
    log,
    rateLimit: 1e9,
    createConcurrency: AT_ONCE,
    creations: { burstMs, most },
    maxDelayMs: 1000,
  });
  let reading = 0;
  const read = async (millis: number) => {
    while (reading >= READERS) await pause(5);
    reading += 1;
    await pause(millis);
    reading -= 1;
  };
  app.post(
    '/v1/inspections',
    { config: { permission: 'inspections:write', class: 'create' }, schema: { body: ref(InspectionCreate) } },
    async (_request, reply) => {
      await pause(CREATE_MS);
      const id = uuidv7();
      return reply.code(201).header('location', `/v1/inspections/${id}`).send({ id });
    },
  );
  app.get('/v1/inspections/:id', { config: { permission: 'inspections:read' } }, async (request) => {
    await read(60);
    return request.params;
  });
  app.get(
    '/v1/inspections',
    { config: { permission: 'inspections:read' }, schema: { querystring: Type.Object({}, { additionalProperties: true }) } },
    async (request, reply) => {
      await read(request.headers.accept === 'text/csv' ? 200 : 80);
      return request.headers.accept === 'text/csv' ? sendCsv(reply, ['id'], [['1']]) : { data: [] };
    },
  );
  const large = Buffer.alloc(12 * 1024 * 1024, 'a');
  app.get('/v1/large', { config: { permission: 'inspections:read', class: 'audit' } }, async (_request, reply) =>
    reply.type('application/octet-stream').send(large),
  );
  app.post('/v1/lots/:id/hold', { config: { permission: 'lots:disposition' } }, async () => ({ held: true }));
  await app.listen({ port: 0, host: '127.0.0.1', backlog: 65_535 });
  process.send?.({ port: (app.server.address() as { port: number }).port });
  process.on('message', async () => process.send?.({ figures: (await metrics.render()).text }));
  process.on('disconnect', () => process.exit());
}
