import type { App } from '../platform/http/app.ts';

export interface MetricsDeps {
  /** Prometheus text: of this process, or of all processes behind the port. */
  figures(): Promise<{ contentType: string; text: string }>;
  /** `ENABLE_METRICS=false`: the address is not there. */
  metricsEnabled: boolean;
}

/** Prometheus text, without a token: a scraper sits inside the network; the figures name stations, never chips or people. */
export function metricsRoutes(app: App, deps: MetricsDeps): void {
  if (!deps.metricsEnabled) return;
  app.get('/metrics', { config: { permission: 'none' }, schema: { hide: true } }, async (_request, reply) => {
    const { contentType, text } = await deps.figures();
    reply.type(contentType);
    return reply.send(text);
  });
}
