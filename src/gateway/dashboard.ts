import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyPluginAsync } from 'fastify';
import type { App } from '../platform/http/app.ts';
import { dashboardPolicy, wordsPage } from './pages.ts';

export interface DashboardDeps {
  /** Where the built dashboard lies (`web/dist`). */
  dashboardDir: string;
  /** Other origins that the dashboard talks to: an outside OpenID provider. */
  connectOrigins?: readonly string[];
}

/** Addresses that people type; the page finds out by itself what to show. */
const ADDRESSES = [
  '/',
  '/inspections',
  '/inspections/*',
  '/units/*',
  '/lots',
  '/lots/*',
  '/review',
  '/models',
  '/models/*',
  '/signin',
  '/signin/*',
  '/callback',
];

/**
 * The built dashboard. Files whose names carry a hash are kept for a year, the page itself is asked for anew each time. Each file is a route of
 * its own, found at the start: there is no catch-all, so that unknown addresses stay 404 and undeclared methods 405.
 */
export async function dashboardRoutes(app: App, deps: DashboardDeps): Promise<void> {
  const policy = dashboardPolicy(deps.connectOrigins ?? []);
  const addPages: FastifyPluginAsync = async (pages) => {
    pages.addHook('onRoute', (route) => {
      route.config = { ...route.config, permission: 'none' };
      route.schema = { ...route.schema, hide: true } as never;
    });
    const built = existsSync(join(deps.dashboardDir, 'index.html'));
    if (!built) {
      for (const address of ADDRESSES)
        pages.get(address, async (_request, reply) => {
          reply.code(503).type('text/html; charset=utf-8');
          return reply.send(wordsPage('The dashboard is not built', 'Run "npm run build". The API is served: see /docs.'));
        });
      return;
    }
    await pages.register(fastifyStatic, {
      root: deps.dashboardDir,
      wildcard: false,
      index: false,
      cacheControl: false,
      globIgnore: ['**/index.html'],
      setHeaders(reply, path) {
        reply.header('cache-control', /[\\/]assets[\\/]/.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
    for (const address of ADDRESSES)
      pages.get(address, async (_request, reply) => {
        reply.header('content-security-policy', policy);
        return reply.sendFile('index.html');
      });
  };
  await app.register(addPages);
}
