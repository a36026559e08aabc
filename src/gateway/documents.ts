import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyPluginAsync } from 'fastify';
import type { App } from '../platform/http/app.ts';
import { DOCS_POLICY, REDOC_PAGE, REDOC_POLICY } from './pages.ts';

const DAY = 'public, max-age=86400';

/** The OpenAPI document and two readers of it. Everything they load comes from this host: a plant has no way out. */
export async function documentRoutes(app: App): Promise<void> {
  const open = { config: { permission: 'none' }, schema: { hide: true } } as const;
  let document: string | undefined;

  app.get('/api/v1/openapi.json', open, async (_request, reply) => {
    document ??= JSON.stringify(app.swagger());
    reply.type('application/json; charset=utf-8').header('cache-control', 'no-cache');
    return reply.send(document);
  });
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
        url: '/api/v1/openapi.json',
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
