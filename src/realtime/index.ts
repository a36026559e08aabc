import type { Feed } from '../platform/bus/feed.ts';
import type { Authenticate } from '../platform/http/judge.ts';
import type { Lifecycle } from '../platform/lifecycle.ts';
import type { Slice } from '../platform/slice.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { createHub, type HubOptions } from './hub.ts';
import { streamRoutes } from './routes.ts';

export interface RealtimeDeps extends Pick<HubOptions, 'maxClients' | 'maxOfOne' | 'pingMs'> {
  /** Started and stopped by its owner. */
  feed: Feed;
  /** Asked again at every ping, so that a token that was given back ends its streams. */
  authenticate: Authenticate;
  metrics: Metrics;
  lifecycle: Lifecycle;
  /** Origins of pages beside our own host that may open a stream. */
  origins: readonly string[];
}

/** Events shown as they happen: one WebSocket a screen. */
export function realtime(deps: RealtimeDeps): Slice {
  const hub = createHub(deps);
  deps.lifecycle.signal.addEventListener('abort', () => hub.closeAll(), { once: true });
  return {
    name: 'realtime',
    routes: (app) => streamRoutes(app, { ...deps, hub }),
    background: { start: async () => undefined, stop: async () => hub.closeAll() },
  };
}
