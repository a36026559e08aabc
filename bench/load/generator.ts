import { commandOptions } from '../../tools/command-options.ts';
import { Connection, type Listener } from './connection.ts';
import { Histogram } from './histogram.ts';
import { type Form, PostRequest } from './request.ts';

/**
 * A closed-loop load in a process of its own: `connections` sockets, each sending its next request when its answer is whole. Tells its parent when the
 * counted part begins and ends, then the figures, as messages; tokens come as the first message. Every request that was sent is answered before it
 * leaves, so that `total` is what the tables must hold.
 */
const { values } = commandOptions({
  options: {
    port: { type: 'string' },
    form: { type: 'string', default: 'create' },
    connections: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '5' },
    warmup: { type: 'string', default: '1' },
  },
});

export interface Load {
  /** Of the counted part. */
  requests: number;
  seconds: number;
  statuses: Record<string, number>;
  p50: number;
  p95: number;
  p99: number;
  /** Processor time of the generator itself (us a request). */
  generator_us: number;
  /** Of the whole run, warm-up and end included. */
  total: Record<string, number>;
  errors: number;
}

const latencies = new Histogram();
const statuses: Record<string, number> = {};
const total: Record<string, number> = {};
let errors = 0;
let counting = false;
let running = true;
let open = 0;
let requests: PostRequest[] = [];

function send(connection: Connection): void {
  if (!running) {
    connection.end();
    return;
  }
  connection.since = performance.now();
  connection.send((requests[connection.index] as PostRequest).next());
}

const listener: Listener = {
  opened: send,
  answered(connection, status) {
    total[status] = (total[status] ?? 0) + 1;
    if (counting) {
      statuses[status] = (statuses[status] ?? 0) + 1;
      latencies.record(performance.now() - connection.since);
    }
    send(connection);
  },
  closed(_connection, inFlight, cause) {
    if (inFlight || cause || running) errors += 1;
    open -= 1;
    if (open === 0) finish();
  },
};

let seconds = 0;
let cpu = process.cpuUsage();

function finish(): void {
  const load: Load = {
    requests: latencies.count,
    seconds,
    statuses,
    p50: latencies.at(0.5),
    p95: latencies.at(0.95),
    p99: latencies.at(0.99),
    generator_us: (cpu.user + cpu.system) / Math.max(1, latencies.count),
    total,
    errors,
  };
  process.send?.(load, () => process.exit(0));
}

process.once('message', (tokens: string[]) => {
  const count = Number(values.connections);
  requests = Array.from({ length: count }, (_, index) => new PostRequest(tokens[index % tokens.length] as string, values.form as Form));
  open = count;
  for (let index = 0; index < count; index += 1) new Connection({ host: '127.0.0.1', port: Number(values.port) }, index, listener);
  setTimeout(() => {
    process.send?.('counting');
    const began = performance.now();
    cpu = process.cpuUsage();
    counting = true;
    setTimeout(() => {
      counting = false;
      running = false;
      seconds = (performance.now() - began) / 1000;
      cpu = process.cpuUsage(cpu);
      process.send?.('counted');
    }, Number(values.seconds) * 1000);
  }, Number(values.warmup) * 1000);
});
