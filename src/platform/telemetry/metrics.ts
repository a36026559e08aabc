import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObject,
  type PrometheusContentType,
  Registry,
} from '@prometheus-io/client';
import { INSPECTION_TYPES } from '../../contracts/inspections.ts';
import { kept } from '../kept.ts';
import { withDeadline } from './deadline.ts';
import { type RouteMeter, requestMeters } from './request-meters.ts';

export type { RouteMeter } from './request-meters.ts';

/** Seconds: the ADR's [0.1, 0.5, 1, 2, 5, 10] and finer ones below. */
export const INFERENCE_BUCKETS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2, 5, 10];
/** Statuses that the counter shows from the start, at zero. */
const COUNTED_STATUSES = ['pending', 'in_progress', 'awaiting_review', 'completed', 'cancelled'] as const;
const SCRAPE_DEADLINE_MS = 1000;
/** The address has no token: however often it is asked, the database is asked no more often than this. */
const SCRAPE_KEPT_MS = 500;

/** Every metric of the platform; passed as a dependency. `/metrics` shows `render()`. */
export interface Metrics {
  readonly registry: Registry<PrometheusContentType>;
  /** Registers a route; its in-progress gauge shows 0 from then on. */
  route(method: string, handler: string): RouteMeter;
  /** `inspections_total`: one more inspection of this type entered this status. Unknown stations are counted as `other`. */
  inspection(type: string, status: string, stationId: string | null): void;
  /** Station ids that may be label values; at most 5,000 are kept so that 20,000 made-up names cannot fill the memory. */
  knownStations(ids: Iterable<string>): void;
  /** A station as a label value: its id when it is known, else `other`. */
  stationLabel(stationId: string | null): string;
  readonly inferenceSeconds: Histogram<'model_name' | 'batch_size'>;
  readonly activeInspections: Gauge<'inspection_type'>;
  /** Connections of the database pool by state: `total`, `idle`, `waiting`. */
  readonly databasePool: Gauge<'state'>;
  /** Seconds that the oldest event has waited, by consumer group. */
  readonly busLag: Gauge<'group'>;
  readonly busParked: Gauge<'group'>;
  readonly openStreams: Gauge;
  /** Requests refused to keep the rest in time, by class of route. */
  readonly shed: Counter<'class'>;
  readonly eventLoopDelay: Gauge;
  /** A slice's own metric: `metrics.add((registers) => new Gauge({ name, help, registers }))`. */
  add<M>(make: (registers: [Registry<PrometheusContentType>]) => M): M;
  /** Run before a scrape, at most twice a second, for gauges that are read from somewhere; bounded in time, a failure keeps the last value. */
  onScrape(refresh: () => void | Promise<void>): void;
  render(): Promise<{ contentType: string; text: string }>;
  /** The same as data, to be added up with those of other processes. */
  figures(): Promise<Figures>;
}

/** Figures of one process as its registry writes them. */
export type Figures = readonly (MetricObject & { values: { value: number; labels: object; metricName?: string }[] })[];

export interface MetricsOptions {
  /** Also CPU, memory, event loop, garbage collection and handles of the process. */
  process?: boolean;
  /** Which of several processes this is: a label of the figures of the process. */
  worker?: number;
}

export function createMetrics(options: MetricsOptions = {}): Metrics {
  const registry = new Registry<PrometheusContentType>();
  const registers: [Registry<PrometheusContentType>] = [registry];
  const stations = new Set<string>();
  const refreshers: (() => void | Promise<void>)[] = [];

  const route = requestMeters(registry);
  /** Since the last scrape: adding to the library's counter a request costs more than the sum of it. */
  const counted = new Map<string, { labels: Record<'inspection_type' | 'status' | 'station_id', string>; count: number }>();
  const inspections = new Counter({
    name: 'inspections_total',
    help: 'Inspections that entered a status, by type and known station',
    labelNames: ['inspection_type', 'status', 'station_id'] as const,
    registers,
    collect() {
      for (const { labels, count } of counted.values()) this.inc(labels, count);
      counted.clear();
    },
  });
  const inferenceSeconds = new Histogram({
    name: 'ml_inference_duration_seconds',
    help: 'Time of one model run',
    labelNames: ['model_name', 'batch_size'] as const,
    buckets: INFERENCE_BUCKETS,
    registers,
  });
  const activeInspections = new Gauge({
    name: 'active_inspections_count',
    help: 'Inspections that are not completed or cancelled, by type',
    aggregator: 'max',
    labelNames: ['inspection_type'] as const,
    registers,
  });
  for (const inspection_type of INSPECTION_TYPES) {
    activeInspections.set({ inspection_type }, 0);
    for (const status of COUNTED_STATUSES) inspections.inc({ inspection_type, status, station_id: 'other' }, 0);
  }
  // Shown from the start under the name of the model that the platform comes with.
  inferenceSeconds.zero({ model_name: 'pcb-pair-synth', batch_size: '1' });

  const databasePool = new Gauge({
    name: 'database_pool_connections',
    help: 'Connections by state',
    labelNames: ['state'] as const,
    registers,
  });
  for (const state of ['total', 'idle', 'waiting'] as const) databasePool.set({ state }, 0);
  const busLag = new Gauge({
    name: 'bus_lag_seconds',
    help: 'Age of the oldest event not yet handled',
    aggregator: 'max',
    labelNames: ['group'] as const,
    registers,
  });
  const busParked = new Gauge({
    name: 'bus_parked_events',
    help: 'Events set aside, by group',
    aggregator: 'max',
    labelNames: ['group'] as const,
    registers,
  });
  const openStreams = new Gauge({ name: 'stream_connections', help: 'Open live streams (WebSocket)', registers });
  const shed = new Counter({
    name: 'requests_shed_total',
    help: 'Requests refused under overload',
    labelNames: ['class'] as const,
    registers,
  });
  for (const name of ['create', 'read', 'export'] as const) shed.inc({ class: name }, 0);
  const eventLoopDelay = new Gauge({
    name: 'event_loop_delay_seconds',
    help: 'Mean delay of the event loop in the last half second',
    aggregator: 'max',
    registers,
  });
  if (options.process)
    collectDefaultMetrics({ register: registry, ...(options.worker === undefined ? {} : { labels: { worker: String(options.worker) } }) });

  const refresh = kept(SCRAPE_KEPT_MS, () =>
    Promise.allSettled(refreshers.map((fresh) => withDeadline(Promise.resolve().then(fresh), SCRAPE_DEADLINE_MS))),
  );

  const stationLabel = (stationId: string | null) => (stationId !== null && stations.has(stationId) ? stationId : 'other');

  return {
    registry,
    route,
    inspection(inspection_type, status, stationId) {
      const station_id = stationLabel(stationId);
      const name = `${inspection_type} ${status} ${station_id}`;
      const known = counted.get(name);
      if (known) known.count += 1;
      else counted.set(name, { labels: { inspection_type, status, station_id }, count: 1 });
    },
    knownStations(ids) {
      for (const id of ids) {
        if (stations.size >= 5000) return;
        stations.add(id);
      }
    },
    stationLabel,
    inferenceSeconds,
    activeInspections,
    databasePool,
    busLag,
    busParked,
    openStreams,
    shed,
    eventLoopDelay,
    add: (make) => make(registers),
    onScrape(fresh) {
      refreshers.push(fresh);
    },
    async render() {
      await refresh();
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
    async figures() {
      await refresh();
      return (await registry.getMetricsAsJSON()) as Figures;
    },
  };
}
