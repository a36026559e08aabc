import type { PlatformEvent } from '../contracts/events.ts';
import { type Consumer, type Delivery, done, drop } from '../platform/bus/consumer.ts';
import { type Database, reads } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { type Considered, considerInspections } from './start-run.ts';
import type { InferenceTables } from './tables.ts';

/** Inspections of a lot that one transaction looks at: a lot of thousands must not hold back every reader of the outbox. */
const PIECE = 50;

export interface ConsumerDeps {
  db: Database;
  door: Door;
  metrics: Pick<Metrics, 'inspection'>;
  /** Told when runs were queued. */
  wake: () => void;
}

/** Group `inference`: decides whether a visual inspection has all that a model needs. */
export function inferenceConsumer({ db, door, metrics, wake }: ConsumerDeps): Consumer {
  function told({ started, moved }: Considered): void {
    for (const { inspection_type, status, station_id } of moved) metrics.inspection(inspection_type, status, station_id);
    if (started > 0) wake();
  }

  async function lotAssigned(event: PlatformEvent<'lot.assigned'>, { cause, signal }: Delivery): Promise<void> {
    let after = '00000000-0000-0000-0000-000000000000';
    // Pieces carry no inbox key: an inspection that has its automatic run is passed over when they are seen again.
    const { inbox: _, ...each } = cause;
    for (;;) {
      signal.throwIfAborted();
      const rows = await reads<InferenceTables>(db)
        .selectFrom('intake.inspection_now')
        .select('id')
        .where('site', '=', event.site)
        .where('lot_id', '=', event.payload.lot_id)
        .where('inspection_type', '=', 'visual')
        .where('status', 'in', ['pending', 'in_progress', 'awaiting_review'])
        .where('id', '>', after)
        .orderBy('id')
        .limit(PIECE)
        .execute();
      const ids = rows.map(({ id }) => id);
      const last = ids.at(-1);
      if (last === undefined) return;
      told(await door.change<InferenceTables, Considered>(each, (tx) => considerInspections(tx, ids, event.trace_id)));
      after = last;
    }
  }

  return {
    group: 'inference',
    topics: ['artifact.management', 'quality.signals'],
    types: ['artifact.stored', 'lot.assigned'],
    async handle(event, delivery) {
      if (event.event_type === 'lot.assigned') {
        await lotAssigned(event, delivery);
        return done;
      }
      if (event.event_type !== 'artifact.stored') return drop('not for this group');
      const { kind, inspection_id } = event.payload;
      if (kind !== 'image' && kind !== 'reference') return drop('no picture');
      const considered = await door.changeOnce<InferenceTables, Considered>(delivery.cause, (tx) =>
        considerInspections(tx, [inspection_id], event.trace_id),
      );
      if (considered !== 'already') told(considered);
      return done;
    },
  };
}
