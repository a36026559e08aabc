import type { PrometheusContentType, Registry } from '@prometheus-io/client';

/** Seconds. ADR-001 starts at 0.1, which cannot show a promise of 100 ms: its bounds are kept and finer ones stand below. */
const REQUEST_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20];

/** A route as the HTTP metrics see it: `handler` is its address with parameters in braces. */
export class RouteMeter {
  readonly method: string;
  readonly handler: string;
  /** Requests of this route that are being answered now. */
  inProgress = 0;
  /** Answers by status. */
  readonly statuses = new Float64Array(600);
  /** Answers by the first bound that holds them; the last is beyond all. */
  readonly buckets = new Float64Array(REQUEST_BUCKETS.length + 1);
  seconds = 0;

  constructor(method: string, handler: string) {
    this.method = method;
    this.handler = handler;
  }

  done(status: number, seconds: number): void {
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    let at = 0;
    while (at < REQUEST_BUCKETS.length && seconds > (REQUEST_BUCKETS[at] as number)) at++;
    this.buckets[at] = (this.buckets[at] ?? 0) + 1;
    this.seconds += seconds;
  }
}

interface Value {
  labels: Record<string, string | number>;
  value: number;
  metricName?: string;
}

/** What the registry asks of a metric; the library's own counters and histograms cost 4 us a request, these 0.1. */
interface Collected {
  name: string;
  help: string;
  type: string;
  aggregator: string;
  get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: Value[] }>;
  reset(): void;
}

function collected(name: string, help: string, type: string, values: () => Value[]): Collected {
  const about = { name, help, type, aggregator: 'sum' };
  return { ...about, get: async () => ({ ...about, values: values() }), reset: () => undefined };
}

/** Counter, histogram and gauge of all routes: kept as plain numbers, put together at a scrape. */
export function requestMeters(registry: Registry<PrometheusContentType>): (method: string, handler: string) => RouteMeter {
  const meters: RouteMeter[] = [];

  const totals = ({ method, handler, statuses }: RouteMeter): Value[] => {
    const first = method === 'POST' ? 201 : 200;
    const values: Value[] = [];
    for (const [status, value] of statuses.entries())
      if (value > 0 || status === first) values.push({ labels: { method, status: String(status), handler }, value });
    return values;
  };
  const durations = ({ method, handler, buckets, seconds }: RouteMeter): Value[] => {
    const count = buckets.reduce((sum, value) => sum + value, 0);
    if (count === 0) return [];
    const metricName = 'http_request_duration_seconds';
    let sum = 0;
    const bounds = [...REQUEST_BUCKETS, '+Inf'].map((le, at) => {
      sum += buckets[at] ?? 0;
      return { labels: { le, method, handler }, value: sum, metricName: `${metricName}_bucket` };
    });
    const labels = { method, handler };
    return [
      ...bounds,
      { labels, value: seconds, metricName: `${metricName}_sum` },
      { labels, value: count, metricName: `${metricName}_count` },
    ];
  };

  for (const metric of [
    collected('http_requests_total', 'Requests answered, by method, status and route', 'counter', () => meters.flatMap(totals)),
    collected('http_request_duration_seconds', 'Time from the headers of a request to its answer', 'histogram', () =>
      meters.flatMap(durations),
    ),
    collected('fastapi_inprogress', 'Requests being answered now, by method and route (the name is the one of ADR-001)', 'gauge', () =>
      meters.map(({ method, handler, inProgress }) => ({ labels: { method, handler }, value: inProgress })),
    ),
  ])
    registry.registerMetric(metric as never);

  return (method, handler) => {
    const meter = new RouteMeter(method, handler);
    meters.push(meter);
    return meter;
  };
}
