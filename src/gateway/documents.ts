import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { App } from '../platform/http/app.ts';
import { DOCS_POLICY, REDOC_PAGE, REDOC_POLICY } from './pages.ts';
import { DOCUMENT_PATH, type OpenApi } from './whole-document.ts';

const DAY = 'public, max-age=86400';

const open = { config: { permission: 'none' }, schema: { hide: true } } as const;

/** The OpenAPI document of what this process answers; `whole` adds what it forwards. */
export function documentRoute(app: App, whole?: (own: OpenApi, request: FastifyRequest) => Promise<OpenApi>): void {
  let own: string | undefined;
  app.get(DOCUMENT_PATH, open, async (request, reply) => {
    reply.type('application/json; charset=utf-8').header('cache-control', 'no-cache');
    if (whole !== undefined) return reply.send(JSON.stringify(await whole(app.swagger() as unknown as OpenApi, request)));
    own ??= JSON.stringify(app.swagger());
    return reply.send(own);
  });
}

/** Two readers of the document. Everything they load comes from this host: a plant has no way out. */
export async function readerRoutes(app: App): Promise<void> {
  app.get('/docs', open, async (_request, reply) => reply.redirect('/api/v1/docs', 302));

  const redoc = createRequire(import.meta.url).resolve('redoc/bundles/redoc.standalone.js');
  let bundle: Buffer | undefined;
  app.get('/api/v1/redoc', open, async (_request, reply) => {
    reply.type('text/html; charset=utf-8').header('content-security-policy', REDOC_POLICY);
    return reply.send(REDOC_PAGE);
  });
  app.get('/api/v1/redoc/redoc.standalone.js', open, async (_request, reply) => {
    bundle ??= await readFile(redoc);
    reply.type('text/javascript; charset=utf-8').header('cache-control', DAY);
    return reply.send(bundle);
  });

  const addPages: FastifyPluginAsync = async (pages) => {
    pages.addHook('onRoute', (route) => {
      route.config = { ...route.config, permission: 'none' };
    });
    await pages.register(swaggerUi, {
      routePrefix: '/api/v1/docs',
      staticCSP: DOCS_POLICY,
      uiConfig: {
        url: DOCUMENT_PATH,
        defaultModelsExpandDepth: 2,
        defaultModelExpandDepth: 2,
        displayRequestDuration: true,
        validatorUrl: null,
        persistAuthorization: false,
      },
    });
  };
  await app.register(addPages);
}
