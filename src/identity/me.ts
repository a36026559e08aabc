import { Me } from '../contracts/identity.ts';
import { ref } from '../contracts/primitives.ts';
import type { App } from '../platform/http/app.ts';

/** `GET /v1/me`: the caller as the token proves it; nothing is looked up. */
export function addMe(app: App): void {
  if (!app.getSchema('Me')) app.addSchema(Me);
  app.get(
    '/v1/me',
    {
      config: { permission: 'authenticated' },
      schema: { summary: 'Who the token says is calling', tags: ['identity'], response: { 200: ref(Me) } },
    },
    async ({ caller }): Promise<Me> => ({
      subject: caller.subject,
      name: caller.name,
      kind: caller.kind,
      roles: [...caller.roles],
      scopes: [...caller.scopes],
      site: caller.site,
      station_id: caller.stationId,
    }),
  );
}
