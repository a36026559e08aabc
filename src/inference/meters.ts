import { Counter, Gauge } from '@prometheus-io/client';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import type { BreakerState } from './runtime/breaker.ts';
import type { ModelKey } from './runtime/runtime.ts';
import { FAULT_KINDS, type FaultKind } from './runtime/triton/fault.ts';

/** What is told of an inference server and of what guards it. */
export interface RuntimeMeters {
  breaker(key: ModelKey, state: BreakerState): void;
  /** Read at each scrape. */
  lanes(read: () => { inFlight: number; waiting: number }): void;
  fault(kind: FaultKind): void;
  retry(kind: FaultKind): void;
  reload(model: string): void;
  fallback(model: string): void;
}

const STATE: Record<BreakerState, number> = { closed: 0, probing: 1, open: 2 };

export function runtimeMeters(metrics: Pick<Metrics, 'add' | 'onScrape'>): RuntimeMeters {
  const { add } = metrics;
  const breaker = add(
    (registers) =>
      new Gauge({
        name: 'inference_breaker_state',
        help: 'Whether runs are let through to the inference server: 0 closed (they are), 1 probing, 2 open',
        aggregator: 'max',
        labelNames: ['model_name', 'model_version'] as const,
        registers,
      }),
  );
  const lanes = add(
    (registers) =>
      new Gauge({
        name: 'inference_runs',
        help: 'Runs of this process at the inference server (in_flight) and before it (waiting)',
        labelNames: ['state'] as const,
        registers,
      }),
  );
  for (const state of ['in_flight', 'waiting'] as const) lanes.set({ state }, 0);
  const faults = add(
    (registers) =>
      new Counter({
        name: 'inference_faults_total',
        help: 'Calls that the inference server failed',
        labelNames: ['kind'] as const,
        registers,
      }),
  );
  const retries = add(
    (registers) =>
      new Counter({
        name: 'inference_retries_total',
        help: 'Runs sent again, by what failed them',
        labelNames: ['kind'] as const,
        registers,
      }),
  );
  for (const kind of FAULT_KINDS) {
    faults.inc({ kind }, 0);
    retries.inc({ kind }, 0);
  }
  const reloads = add(
    (registers) =>
      new Counter({
        name: 'inference_reloads_total',
        help: 'Models unloaded and loaded because their process was dead',
        labelNames: ['model_name'] as const,
        registers,
      }),
  );
  const fallbacks = add(
    (registers) =>
      new Counter({
        name: 'inference_fallback_runs_total',
        help: 'Runs that the embedded runtime did because the inference server was away',
        labelNames: ['model_name'] as const,
        registers,
      }),
  );
  return {
    breaker: ({ model, version }, state) => breaker.set({ model_name: model, model_version: String(version) }, STATE[state]),
    lanes(read) {
      metrics.onScrape(() => {
        const { inFlight, waiting } = read();
        lanes.set({ state: 'in_flight' }, inFlight);
        lanes.set({ state: 'waiting' }, waiting);
      });
    },
    fault: (kind) => faults.inc({ kind }),
    retry: (kind) => retries.inc({ kind }),
    reload: (model_name) => reloads.inc({ model_name }),
    fallback: (model_name) => fallbacks.inc({ model_name }),
  };
}
