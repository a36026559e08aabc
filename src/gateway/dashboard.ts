import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyPluginAsync } from 'fastify';
import type { OutsideSignIn } from '../contracts/identity.ts';
import type { App } from '../platform/http/app.ts';
import { dashboardPolicy, signInElement, wordsPage } from './pages.ts';

export interface DashboardDeps {
  /** Where the built dashboard lies (`web/dist`). */
  dashboardDir: string;
  /** The outside OpenID provider that people sign in with; null: the built-in one. */
  outsideSignIn?: OutsideSignIn | null;
}

/** The addresses of the dashboard (`web/src/app/addresses.ts` says what each shows), and where a provider sends people back to. */
const ADDRESSES = [
  '/',
  '/inspections',
  '/inspections/:id',
  '/units/:chip',
  '/lots',
  '/lots/:lot',
  '/review',
  '/models',
  '/models/:name',
  '/callback',
];

/**
 * The built dashboard. Files whose names carry a hash are kept for a year, the page itself is asked for anew each time. Each file is a route of
 * its own, found at the start: there is no catch-all, so that unknown addresses stay 404 and undeclared methods 405. A browser that asks for an unknown
 * address is shown the page with that 404, which then says so in the words of a person.
 */
export async function dashboardRoutes(app: App, deps: DashboardDeps): Promise<void> {
  const { outsideSignIn: outside = null } = deps;
  const policy = dashboardPolicy(outside === null ? [] : [new URL(outside.issuer).origin]);
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
    // Sent whole each time: what stands in it follows the settings, not the time of the file.
    const page =
      outside === null
        ? null
        : (await readFile(join(deps.dashboardDir, 'index.html'), 'utf8')).replace('<head>', () => `<head>${signInElement(outside)}`);
    app.unknownPage.show = async (reply) => {
      reply.header('content-security-policy', policy).type('text/html; charset=utf-8');
      return reply.send(page ?? (await readFile(join(deps.dashboardDir, 'index.html'))));
    };
    for (const address of ADDRESSES)
      pages.get(address, async (_request, reply) => {
        reply.header('content-security-policy', policy);
        if (page === null) return reply.sendFile('index.html');
        return reply.header('cache-control', 'no-cache').type('text/html; charset=utf-8').send(page);
      });
  };
  await app.register(addPages);
}
