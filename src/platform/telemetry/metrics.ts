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
import { withDeadline } from './deadline.ts';

/** Seconds. ADR-001 starts at 0.1, which cannot show a promise of 100 ms: its bounds are kept and finer ones stand below. */
export const REQUEST_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20];
/** Seconds: the ADR's [0.1, 0.5, 1, 2, 5, 10] and finer ones below. */
export const INFERENCE_BUCKETS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2, 5, 10];
/** Statuses that the counter shows from the start, at zero. */
const COUNTED_STATUSES = ['pending', 'in_progress', 'awaiting_review', 'completed', 'cancelled'] as const;
const SCRAPE_DEADLINE_MS = 1000;

/** A route as the HTTP metrics see it: `handler` is its address with parameters in braces. */
export interface RouteMeter {
  readonly method: string;
  readonly handler: string;
  /** Requests of this route that are being answered now. */
  inProgress: number;
  done(status: number, seconds: number): void;
}

/** Every metric of the platform; passed as a dependency. `/metrics` shows `render()`. */
export interface Metrics {
  readonly registry: Registry<PrometheusContentType>;
  /** Registers a route; its in-progress gauge shows 0 from then on. */
  route(method: string, handler: string): RouteMeter;
  /** `inspections_total`: one more inspection of this type entered this status. Unknown stations are counted as `other`. */
  inspection(type: string, status: string, stationId: string | null): void;
  /** Station ids that may be label values; at most 5,000 are kept so that 20,000 made-up names cannot fill the memory. */
  knownStations(ids: Iterable<string>): void;
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
  /** Run before each scrape, for gauges that are read from somewhere; bounded in time, a failure keeps the last value. */
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
  /** Model names whose histogram is shown from the start. */
  models?: readonly string[];
}

export function createMetrics(options: MetricsOptions = {}): Metrics {
  const registry = new Registry<PrometheusContentType>();
  const registers: [Registry<PrometheusContentType>] = [registry];
  const stations = new Set<string>();
  const meters: RouteMeter[] = [];
  const refreshers: (() => void | Promise<void>)[] = [];

  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Requests answered, by method, status and route',
    labelNames: ['method', 'status', 'handler'] as const,
    registers,
  });
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the headers of a request to the end of its answer',
    labelNames: ['method', 'handler'] as const,
    buckets: REQUEST_BUCKETS,
    registers,
  });
  new Gauge({
    name: 'fastapi_inprogress',
    help: 'Requests being answered now, by method and route (the name is the one of ADR-001)',
    labelNames: ['method', 'handler'] as const,
    registers,
    collect() {
      for (const meter of meters) this.set({ method: meter.method, handler: meter.handler }, meter.inProgress);
    },
  });
  const inspections = new Counter({
    name: 'inspections_total',
    help: 'Inspections that entered a status, by type and known station',
    labelNames: ['inspection_type', 'status', 'station_id'] as const,
    registers,
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
  for (const model_name of options.models ?? ['pcb-pair-synth']) inferenceSeconds.zero({ model_name, batch_size: '1' });

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

  const refresh = () => Promise.allSettled(refreshers.map((fresh) => withDeadline(Promise.resolve().then(fresh), SCRAPE_DEADLINE_MS)));

  return {
    registry,
    route(method, handler) {
      const counts = new Map<number, { inc(): void }>();
      const duration = durations.labels({ method, handler });
      const meter: RouteMeter = {
        method,
        handler,
        inProgress: 0,
        done(status, seconds) {
          let count = counts.get(status);
          if (count === undefined) {
            count = requests.labels({ method, status: String(status), handler });
            counts.set(status, count);
          }
          count.inc();
          duration.observe(seconds);
        },
      };
      meters.push(meter);
      requests.inc({ method, status: method === 'POST' ? '201' : '200', handler }, 0);
      return meter;
    },
    inspection(inspection_type, status, stationId) {
      inspections.inc({ inspection_type, status, station_id: stationId !== null && stations.has(stationId) ? stationId : 'other' });
    },
    knownStations(ids) {
      for (const id of ids) {
        if (stations.size >= 5000) return;
        stations.add(id);
      }
    },
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
