import { setTimeout as sleep } from 'node:timers/promises';
import type { AnyEvent } from '../../src/contracts/events.ts';
import type { Caller } from '../../src/contracts/permissions.ts';
import type { Feed, FeedEntry } from '../../src/platform/bus/feed.ts';
import { STATION } from './sample-app.ts';

export type Personal = Caller & { expiresAt?: number };
/** A person of one site who may read inspections and artifacts. */
export const ENGINEER: Personal = {
  ...STATION,
  subject: 'u-1',
  kind: 'person',
  name: 'eva',
  roles: ['quality_engineer'],
  stationId: null,
  scopes: new Set(['inspections:read', 'artifacts:read']),
};

/** The event number `at`; only what a stream looks at is filled in. */
export function event(
  at: number,
  more: { site?: string; lot?: string; station?: string | null; type?: 'inspection.created' | 'artifact.stored' } = {},
): AnyEvent {
  return {
    event_id: `e-${at}`,
    event_type: more.type ?? 'inspection.created',
    schema_version: 1,
    occurred_at: '2026-11-24T00:00:00.000Z',
    trace_id: '0'.repeat(32),
    source_service: 'test',
    site: more.site ?? 'DE1',
    aggregate: { type: 'inspection', id: `i-${at}`, version: 1 },
    payload: { lot_id: more.lot ?? 'LOT-2025-001', station_id: more.station === undefined ? 'AOI-1' : more.station },
  } as unknown as AnyEvent;
}

/** A feed that keeps what it was told, and answers reads a little later, as a database does. */
export class MemoryFeed implements Feed {
  kept: FeedEntry[] = [];
  trimmed = 0;
  #listeners = new Set<(entry: FeedEntry) => void>();
  delay = 1;
  cursor = () => `${this.kept.length}.0`;
  wake(): void {}
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  get listening(): number {
    return this.#listeners.size;
  }
  tell(told: AnyEvent): void {
    const entry = { cursor: `${this.kept.length + 1}.0`, event: told };
    this.kept.push(entry);
    for (const listener of this.#listeners) listener(entry);
  }
  listen(fn: (entry: FeedEntry) => void): () => void {
    this.#listeners.add(fn);
    return () => this.#listeners.delete(fn);
  }
  async after(cursor: string, limit: number) {
    const until = this.kept.length;
    const from = Number.parseInt(cursor, 10);
    await sleep(this.delay);
    if (Number.isNaN(from) || from < this.trimmed) return { gap: true, events: [] };
    return { gap: false, events: this.kept.slice(from, Math.min(until, from + limit)) };
  }
}
