import { Type } from 'typebox';
import { InspectionCreate } from '../../src/contracts/inspections.ts';
import type { Caller } from '../../src/contracts/permissions.ts';
import { ref } from '../../src/contracts/primitives.ts';
import { Replayed } from '../../src/platform/db/change.ts';
import { type App, type AppOptions, createApp } from '../../src/platform/http/app.ts';
import { expectVersion } from '../../src/platform/http/conditional.ts';
import { sendCsv } from '../../src/platform/http/csv.ts';
import { requireUuid } from '../../src/platform/http/ids.ts';
import { ProblemError } from '../../src/platform/problem.ts';

export const STATION: Caller = {
  subject: 'c-1',
  kind: 'client',
  name: 'aoi-1',
  roles: ['inspection_station'],
  scopes: new Set(['inspections:write', 'inspections:read']),
  site: 'DE1',
  stationId: 'AOI-1',
};
export const TOKEN = { authorization: 'Bearer good' };
export const BODY = { lot_id: 'LOT-2025-001', chip_id: 'PCB-A1', inspection_type: 'visual' };
export const KNOWN_ID = '01a20e9b-0d24-70ad-9bd0-be3ae9ebed45';

const Page = Type.Object(
  { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })), verdict: Type.Optional(Type.Enum(['pass', 'fail'])) },
  { additionalProperties: false },
);

/** A few routes that stand for the real ones: the layer's own behaviour, with no slice and no database. */
export async function sampleApp(options: AppOptions = {}, more: { health?: boolean } = {}): Promise<App> {
  const app = await createApp({
    authenticate: async (token) => {
      if (token !== 'good') throw new ProblemError('unauthorized');
      return STATION;
    },
    ...options,
  });
  app.post(
    '/v1/inspections',
    { config: { permission: 'inspections:write', class: 'create' }, schema: { body: ref(InspectionCreate) } },
    async (request, reply) => {
      reply.code(201).header('location', `/v1/inspections/${KNOWN_ID}`);
      return { ...request.body, cause: request.cause() };
    },
  );
  app.get('/v1/inspections', { config: { permission: 'inspections:read' }, schema: { querystring: Page } }, async (request) => ({
    data: [request.query],
    filler: 'x'.repeat(2000),
  }));
  app.get('/v1/inspections/:id', { config: { permission: 'inspections:read' } }, async (request) => {
    if (requireUuid((request.params as { id: string }).id) !== KNOWN_ID) throw new ProblemError('not_found');
    return { id: KNOWN_ID };
  });
  app.post(
    '/v1/inspections/:id/start',
    {
      config: { permission: 'inspections:write', optionalBody: true, etag: true },
      schema: { body: Type.Object({}, { additionalProperties: false }) },
    },
    async (request) => {
      expectVersion(request, 3);
      if ((request.params as { id: string }).id === 'again')
        throw new Replayed(
          { status: 201, location: '/v1/inspections/again', body: { first: true, version: 3 } },
          '{"first":true,"version":3}',
        );
      throw new ProblemError('transition_not_allowed');
    },
  );
  app.post('/v1/free', { config: { permission: 'inspections:write' }, bodyLimit: 8 * 1024 * 1024 }, async (request) => ({
    got: request.body ?? null,
  }));
  app.post('/v1/judgements', { config: { permission: 'inspections:write', person: true } }, async () => ({}));
  app.post('/v1/lots/:id/hold', { config: { permission: 'lots:disposition' } }, async () => ({}));
  app.get('/v1/boom', { config: { permission: 'authenticated' } }, async () => {
    throw new Error('password=hunter2 in a message stays inside');
  });
  app.get('/v1/rows', { config: { permission: 'inspections:read', class: 'export' } }, async (_request, reply) =>
    sendCsv(
      reply,
      ['id', 'note', 'n', 'ok', 'at'],
      [
        ['1', '=cmd()', -5, true, new Date(0)],
        ['2', 'a "b", c', 1.5, false, null],
        ['3', 'fine\n=1+1', 0, true, null],
      ],
    ),
  );
  if (more.health !== false) app.get('/health', { config: { permission: 'none' } }, async () => ({ status: 'ok' }));
  return app;
}
