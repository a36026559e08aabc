import { Type } from 'typebox';
import type { App } from '../platform/http/app.ts';
import { kept } from '../platform/kept.ts';
import type { Lifecycle } from '../platform/lifecycle.ts';
import type { Part } from '../platform/slice.ts';
import { withDeadline } from '../platform/telemetry/deadline.ts';
import type { Log } from '../platform/telemetry/log.ts';

export interface HealthDeps {
  lifecycle: Lifecycle;
  /** What the service cannot work without: rejects while the database does not answer. */
  ping: () => Promise<void>;
  /** Model runtime, bus, storage, identity: by name. */
  parts?: Readonly<Record<string, () => Part | Promise<Part>>>;
  version: string;
  log: Pick<Log, 'warn'>;
}

const PING_DEADLINE_MS = 1500;
const PART_DEADLINE_MS = 500;
/** Probes of many balancers share one look at the database. */
const PING_KEPT_MS = 500;

const Health = Type.Object({
  status: Type.Enum(['ok', 'degraded', 'unavailable']),
  phase: Type.Enum(['starting', 'serving', 'draining', 'stopped']),
  version: Type.String(),
  parts: Type.Unsafe<Record<string, Part>>({
    type: 'object',
    additionalProperties: {
      type: 'object',
      properties: { status: { enum: ['ok', 'degraded', 'unavailable'] }, detail: { type: 'string' } },
      required: ['status'],
      additionalProperties: false,
    },
  }),
});
const Probe = Type.Object({ status: Type.String(), reason: Type.Optional(Type.String()) });

/**
 * Four questions. live: does the event loop turn (nothing else). startup: has it ever served. ready: may it take traffic, which is the database and not
 * draining, and nothing else. health: the same answer as ready, with every part in words.
 */
export function healthRoutes(app: App, deps: HealthDeps): void {
  const config = { permission: 'none' } as const;
  const faults = new Map<string, string>();

  /** What stands in the log is for who runs the platform; anybody may read the answer. A fault that lasts is told once. */
  function tell(part: string, error: unknown): void {
    const words = String(error);
    if (faults.get(part) !== words) deps.log.warn({ err: error, part }, 'health_fault');
    faults.set(part, words);
  }

  const isDatabaseThere = kept(PING_KEPT_MS, () =>
    withDeadline(deps.ping(), PING_DEADLINE_MS).then(
      () => {
        faults.delete('database');
        return true;
      },
      (error: unknown) => {
        tell('database', error);
        return false;
      },
    ),
  );

  async function notReady(): Promise<string | undefined> {
    if (deps.lifecycle.phase !== 'serving') return deps.lifecycle.phase;
    return (await isDatabaseThere()) ? undefined : 'database_unavailable';
  }

  async function look(name: string, check: () => Part | Promise<Part>): Promise<Part> {
    try {
      const part = await withDeadline(Promise.resolve().then(check), PART_DEADLINE_MS);
      faults.delete(name);
      return part;
    } catch (error) {
      tell(name, error);
      return { status: 'degraded', detail: 'It could not be looked at; the log says why' };
    }
  }

  app.get(
    '/health',
    { config, schema: { summary: 'State of this process and its parts', response: { 200: Health, 503: Health } } },
    async (_request, reply) => {
      const [reason, names] = [await notReady(), Object.entries(deps.parts ?? {})];
      const looked = await Promise.all(names.map(async ([name, check]) => [name, await look(name, check)] as const));
      const database = (await isDatabaseThere()) ? { status: 'ok' } : { status: 'unavailable' };
      const degraded = looked.some(([, part]) => part.status !== 'ok');
      if (reason !== undefined) reply.code(503).header('retry-after', '2');
      return {
        status: reason !== undefined ? 'unavailable' : degraded ? 'degraded' : 'ok',
        phase: deps.lifecycle.phase,
        version: deps.version,
        parts: { database, ...Object.fromEntries(looked) } as Record<string, Part>,
      } as const;
    },
  );
  app.get('/health/live', { config, schema: { summary: 'Whether the process turns', response: { 200: Probe } } }, async () => ({
    status: 'ok',
  }));
  app.get(
    '/health/ready',
    { config, schema: { summary: 'Whether it may take traffic', response: { 200: Probe, 503: Probe } } },
    async (_request, reply) => {
      const reason = await notReady();
      if (reason === undefined) return { status: 'ready' };
      reply.code(503).header('retry-after', '2');
      return { status: 'not_ready', reason };
    },
  );
  app.get(
    '/health/startup',
    { config, schema: { summary: 'Whether it has started', response: { 200: Probe, 503: Probe } } },
    async (_request, reply) => {
      if (deps.lifecycle.phase !== 'starting') return { status: 'started' };
      reply.code(503).header('retry-after', '1');
      return { status: 'starting' };
    },
  );
}
