import type { Slice } from '../platform/slice.ts';
import { type DashboardDeps, dashboardRoutes } from './dashboard.ts';
import { documentRoutes } from './documents.ts';
import { type HealthDeps, healthRoutes } from './health.ts';
import { type MetricsDeps, metricsRoutes } from './metrics.ts';

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

/** The porch: the documents of the API and the dashboard. */
export function gateway(deps: DashboardDeps): Slice {
  return {
    name: 'gateway',
    routes: async (app) => {
      await documentRoutes(app);
      await dashboardRoutes(app, deps);
    },
  };
}
