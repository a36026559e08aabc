import { Counter } from '@prometheus-io/client';
import type { App } from '../../platform/http/app.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { limitsFor } from './board-contract.ts';
import { inferRoutes } from './infer-routes.ts';
import { metadataRoutes } from './metadata-routes.ts';
import { type ModelsHereDeps, modelsHere } from './models-here.ts';
import { repositoryRoutes } from './repository-routes.ts';
import { countStatistics } from './statistics.ts';

export interface ProtocolDeps extends ModelsHereDeps {
  metrics: Pick<Metrics, 'inferenceSeconds' | 'add'>;
  /** Of the program. */
  version: string;
  /** false: another process behind this port runs the models. */
  runsHere: boolean;
  /** Aborted from the moment in which the process begins to leave. */
  draining?: AbortSignal | undefined;
  /** Longest time of a request in milliseconds, waiting included. */
  timeoutMs: number;
  /** Of one board; `BOARD_PIXELS` when left out. */
  maxPixels?: number | undefined;
}

/** The Open Inference Protocol under /v2: other KServe clients use the runtime that judges here. What they run decides nothing and is kept nowhere. */
export async function protocolRoutes(app: App, deps: ProtocolDeps): Promise<void> {
  const { metrics, version, runsHere, draining, timeoutMs } = deps;
  const limits = limitsFor(deps.maxPixels);
  const here = modelsHere(deps);
  const statistics = countStatistics();
  const requests = metrics.add(
    (registers) =>
      new Counter({
        name: 'inference_protocol_requests_total',
        help: 'Model runs asked for under /v2, by what came of them',
        labelNames: ['model_name', 'outcome'] as const,
        registers,
      }),
  );
  await app.register((scope, _options, registered) => {
    // Clients name any content type or none: what a body is, its head says.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    const rooms = scope as unknown as App;
    metadataRoutes(rooms, { here, statistics, version, runsHere, draining });
    repositoryRoutes(rooms, { here });
    inferRoutes(rooms, { here, statistics, runsHere, timeoutMs, limits, seconds: metrics.inferenceSeconds, requests });
    registered();
  });
}
