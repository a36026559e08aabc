import type { Slice } from '../platform/slice.ts';
import type { ForwardedService } from './addresses.ts';
import { type DashboardDeps, dashboardRoutes } from './dashboard.ts';
import { documentRoute, readerRoutes } from './documents.ts';
import { type ForwardBounds, forwardRoutes } from './forward.ts';
import { type HealthDeps, healthRoutes } from './health.ts';
import { type MetricsDeps, metricsRoutes } from './metrics.ts';
import { openServiceLink } from './service-link.ts';
import { readDocuments } from './whole-document.ts';

export type { Part } from '../platform/slice.ts';

/** Whether this process can serve, and its figures: every process has these, whatever services it runs. */
export function probes(deps: HealthDeps & MetricsDeps): Slice {
  return {
    name: 'probes',
    routes: (app) => {
      healthRoutes(app, deps);
      metricsRoutes(app, deps);
    },
  };
}

export interface GatewayDeps extends DashboardDeps {
  /** Services that run elsewhere: what is asked of them here is forwarded to these addresses. */
  elsewhere?: { addresses: Partial<Record<ForwardedService, string>>; bounds: ForwardBounds };
}

/** The porch: the documents of the API, the dashboard, and the ways to services that run elsewhere. */
export async function gateway({ elsewhere, ...deps }: GatewayDeps): Promise<Slice> {
  const services = Object.entries(elsewhere?.addresses ?? {}) as [ForwardedService, string][];
  const links = await Promise.all(services.map(async ([name, url]) => ({ name, link: await openServiceLink(name, url) })));
  return {
    name: 'gateway',
    parts: Object.fromEntries(links.map(({ name, link }) => [name, link.look])),
    routes: async (app) => {
      documentRoute(app, links.length === 0 ? undefined : readDocuments(links.map(({ link }) => link)));
      await readerRoutes(app);
      await dashboardRoutes(app, deps);
      if (elsewhere) for (const { name, link } of links) forwardRoutes(app, name, link, elsewhere.bounds);
      app.addHook('onClose', async () => void (await Promise.all(links.map(({ link }) => link.close()))));
    },
  };
}

/** The document of a service that has no gateway in its process: a gateway elsewhere puts the whole together. */
export function ownDocument(): Slice {
  return { name: 'document', routes: (app) => documentRoute(app) };
}
