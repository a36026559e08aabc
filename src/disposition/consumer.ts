import type { AnyEvent, PlatformEvent } from '../contracts/events.ts';
import { type Consumer, type Delivery, done, drop } from '../platform/bus/consumer.ts';
import type { Decided, Door } from '../platform/db/door.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { applyFailure, applyFindings } from './apply-findings.ts';
import { applyLimits, applyMeasurements } from './apply-measurements.ts';
import { nothingWritten, type Tx, type Written } from './case.ts';
import { askWhoIsRight, closeDisagreement, withdrawDisagreements } from './disagreement-looks.ts';
import type { ReviewSettings } from './looks.ts';
import type { DispositionTables } from './tables.ts';

/** Counts inspections that entered a state. */
export function tellMoves(metrics: Pick<Metrics, 'inspection'>, { moved }: Pick<Written, 'moved'>): void {
  for (const { inspection_type, status, station_id } of moved) metrics.inspection(inspection_type, status, station_id);
}

/** What versions of a model say of a board gives no verdict: looks are asked for and closed. */
async function applyToLooks(tx: Tx, event: AnyEvent, { disagreements }: ReviewSettings): Promise<boolean> {
  if (event.event_type === 'model.disagreed') await askWhoIsRight(tx, event.payload, disagreements);
  else if (event.event_type === 'model.disagreement_settled') await closeDisagreement(tx, event.payload);
  else if (event.event_type === 'model.stage_changed') await withdrawDisagreements(tx, event.payload);
  else return false;
  return true;
}

async function apply(tx: Tx, event: AnyEvent, review: ReviewSettings): Promise<Written | null> {
  if (event.event_type === 'inference.completed') return await applyFindings(tx, event.payload, review);
  if (event.event_type === 'inference.failed') return await applyFailure(tx, event.payload);
  return event.event_type === 'measurements.recorded' ? await applyMeasurements(tx, event.payload.inspection_id) : null;
}

/** Inspections of a lot that one transaction judges: a lot of thousands must not hold back every reader of the outbox. */
const PIECE = 50;

type Deps = { door: Door; metrics: Pick<Metrics, 'inspection'>; review: ReviewSettings };

/** What waits for limits is judged by those that its lot was given. */
async function lotAssigned(
  { door, metrics }: Pick<Deps, 'door' | 'metrics'>,
  event: PlatformEvent<'lot.assigned'>,
  { cause, signal }: Delivery,
): Promise<void> {
  const lot = { site: event.site, lot_id: event.payload.lot_id };
  // Pieces carry no inbox key: an inspection that is judged waits no more when they are seen again.
  const { inbox: _, ...each } = cause;
  let behind = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    signal.throwIfAborted();
    const from = behind;
    const applied = await door.change<DispositionTables, Awaited<ReturnType<typeof applyLimits>>>(each, async (tx) => {
      const result = await applyLimits(tx, lot, from, PIECE);
      const { events, audit } = result?.written ?? nothingWritten();
      return { result, events, audit };
    });
    if (applied === null) return;
    tellMoves(metrics, applied.written);
    behind = applied.last;
  }
}

/** Group `disposition`: findings become a verdict, exactly once an inspection, or a person must look. */
export function dispositionConsumer({ door, metrics, review }: Deps): Consumer {
  return {
    group: 'disposition',
    topics: ['inference.workflow', 'inspection.lifecycle', 'quality.signals'],
    types: [
      'inference.completed',
      'inference.failed',
      'measurements.recorded',
      'lot.assigned',
      'model.disagreed',
      'model.disagreement_settled',
      'model.stage_changed',
    ],
    async handle(event, delivery) {
      if ((event.event_type === 'inference.completed' || event.event_type === 'inference.failed') && !event.payload.decides)
        return drop('a run that does not decide');
      if (event.event_type === 'lot.assigned') {
        await lotAssigned({ door, metrics }, event, delivery);
        return done;
      }
      const outcome = await door.changeOnce<DispositionTables, Written | null>(
        delivery.cause,
        async (tx): Promise<Decided<Written | null>> => {
          const written = (await applyToLooks(tx, event, review)) ? nothingWritten() : await apply(tx, event, review);
          const { events, audit } = written ?? nothingWritten();
          return { result: written, events, audit };
        },
      );
      if (outcome === 'already') return done;
      if (outcome === null) return drop('the inspection no longer waits for this');
      tellMoves(metrics, outcome);
      return done;
    },
  };
}
