import type { Connection } from './connection.ts';
import { Histogram, type Latency } from './histogram.ts';

/** What is asked, by share: `report` is a lot's inspections as CSV, the export of today. */
export type Kind = 'create' | 'read' | 'list' | 'report';

export interface Part {
  due: number;
  answered: number;
  statuses: Record<string, number>;
  non_2xx: number;
  server_errors: number;
  /** Connections that broke while a request had no answer. */
  resets: number;
  /** No answer within the patience. */
  unanswered: number;
  /** Milliseconds from when a request was due, not from when it could be sent. */
  latency: Latency;
  by_kind: Partial<Record<Kind, Latency & { answered: number }>>;
  by_status: Record<string, Latency & { answered: number }>;
  /** Milliseconds by which the generator itself was late while a connection was free: should be far below the latencies. */
  generator_late_p99: number;
  /** Requests that found no free connection. */
  starved: number;
  /** Of those the ones that were not sent at all; they count neither as due nor as unanswered. */
  given_up: number;
  /** From the first due request to the last answer. */
  seconds: number;
  /** Share of one core that the generator took. */
  generator_cpu: number;
}

function recordIn<K>(histograms: Map<K, Histogram>, key: K, millis: number): void {
  const own = histograms.get(key) ?? new Histogram();
  own.record(millis);
  histograms.set(key, own);
}
const summaries = <K extends string>(histograms: Map<K, Histogram>) =>
  Object.fromEntries([...histograms].map(([key, own]) => [key, { answered: own.count, ...own.summary() }])) as Record<
    K,
    Latency & { answered: number }
  >;

/** Counts one part of a run. */
export class Counter {
  due = 0;
  starved = 0;
  givenUp = 0;
  resets = 0;
  refused = 0;
  #sent = 0;
  readonly #begun: number;
  readonly #latency = new Histogram();
  readonly #late = new Histogram();
  readonly #kinds = new Map<Kind, Histogram>();
  readonly #statuses = new Map<string, Histogram>();
  readonly #cpu = process.cpuUsage();

  /** `begun`: what was due before belongs to another part (performance.now()). */
  constructor(begun = performance.now()) {
    this.#begun = begun;
  }

  expect(due: number): void {
    if (due >= this.#begun) this.due += 1;
  }

  get settled(): boolean {
    return this.#latency.count + this.resets >= this.#sent;
  }

  sent(due: number): void {
    if (due < this.#begun) return;
    this.#sent += 1;
    if (this.starved === 0) this.#late.record(performance.now() - due);
  }

  /** An answer that comes after its part was given up belongs to no part. */
  answered(connection: Connection, status: number): void {
    if (connection.since < this.#begun) return;
    const millis = performance.now() - connection.since;
    this.#latency.record(millis);
    recordIn(this.#statuses, String(status), millis);
    recordIn(this.#kinds, connection.kind as Kind, millis);
  }

  result(): Part {
    const statuses = [...this.#statuses].map(([status, { count }]): [string, number] => [status, count]);
    const seconds = (performance.now() - this.#begun) / 1000;
    const cpu = process.cpuUsage(this.#cpu);
    return {
      due: this.due,
      answered: this.#latency.count,
      statuses: Object.fromEntries(statuses),
      non_2xx: statuses.reduce((sum, [status, count]) => sum + (status.startsWith('2') ? 0 : count), 0),
      server_errors: statuses.reduce((sum, [status, count]) => sum + (status.startsWith('5') ? count : 0), 0),
      resets: this.resets + this.refused,
      unanswered: this.due - this.#latency.count - this.resets,
      latency: this.#latency.summary(),
      by_kind: summaries(this.#kinds),
      by_status: summaries(this.#statuses),
      generator_late_p99: Number(this.#late.at(0.99).toFixed(3)),
      starved: this.starved,
      given_up: this.givenUp,
      seconds: Number(seconds.toFixed(2)),
      generator_cpu: Number(((cpu.user + cpu.system) / 1e6 / seconds).toFixed(3)),
    };
  }
}
