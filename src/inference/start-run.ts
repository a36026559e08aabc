import { factsOf, type InspectionFacts } from '../contracts/events.ts';
import { lotKey } from '../contracts/lot-id.ts';
import type { AuditDraft, Decided, EventDraft, Transaction } from '../platform/db/door.ts';
import { uuidv7 } from '../platform/id.ts';
import { givenOf, judgeInputs } from './inputs.ts';
import { lockInspections, moveToProgress } from './inspection.ts';
import type { InferenceTables, InspectionRow } from './tables.ts';

/** A point of priority is worth this much waiting: rank = priority + age / 30 s, so nothing starves (priority 1 overtakes a new 10 after 4.5 min). */
const AGEING_MS = 30_000;
/** Waiting reasons that late inputs mend. */
const MENDED_BY_INPUTS = ['input_timeout', 'unreadable_image', 'unreadable_reference'];

export interface NewRun {
  image: string;
  reference: string;
  automatic: boolean;
  decides: boolean;
  requestedBy: string;
  traceId: string;
  /** Null: the production version at the moment it runs. */
  named: { model: string; version: number } | null;
}

export interface Changes {
  events: EventDraft[];
  audit: AuditDraft[];
  /** Set when the inspection went to in_progress. */
  moved: InspectionFacts | null;
}

export interface Considered {
  /** Runs that were queued. */
  started: number;
  moved: InspectionFacts[];
}

/** Queues a run; a deciding one moves the inspection to in_progress in the same commit. The caller holds the inspection's lock. */
export async function queueRun(
  tx: Transaction<InferenceTables>,
  inspection: InspectionRow,
  run: NewRun,
): Promise<Changes & { operationId: string }> {
  const operationId = uuidv7();
  const { id, site, lot_id, station_id, priority } = inspection;
  const now = new Date();
  await tx
    .insertInto('inference.job')
    .values({
      operation_id: operationId,
      inspection_id: id,
      site,
      lot_id,
      station_id,
      model: run.named?.model ?? null,
      version: run.named?.version ?? null,
      named: run.named !== null,
      image_sha256: run.image,
      reference_sha256: run.reference,
      automatic: run.automatic,
      decides: run.decides,
      requested_by: run.requestedBy,
      priority,
      turn: new Date(now.getTime() - priority * AGEING_MS),
      trace_id: run.traceId,
      created_at: now,
    })
    .execute();
  const key = lotKey(inspection);
  const events: EventDraft[] = [];
  const audit: AuditDraft[] = [];
  let facts: InspectionFacts | null = null;
  if (run.decides && inspection.status !== 'in_progress') {
    const moved = await moveToProgress(tx, id);
    facts = factsOf(moved);
    events.push({
      type: 'inspection.started',
      site,
      key,
      aggregate: { type: 'inspection', id, version: moved.version },
      payload: facts,
    });
    audit.push({
      action: 'inspection.started',
      site,
      object: { type: 'inspection', id },
      old: { status: inspection.status, reason: inspection.reason },
      new: { status: moved.status, operation_id: operationId },
    });
  }
  events.push({
    type: 'inference.requested',
    site,
    key,
    aggregate: { type: 'operation', id: operationId, version: 1 },
    payload: { operation_id: operationId, inspection_id: id, lot_id, station_id },
  });
  audit.push({
    action: 'inference.requested',
    site,
    object: { type: 'operation', id: operationId },
    old: null,
    new: {
      inspection_id: id,
      image_sha256: run.image,
      reference_sha256: run.reference,
      decides: run.decides,
      automatic: run.automatic,
      ...run.named,
    },
  });
  return { operationId, events, audit, moved: facts };
}

/** Whether an automatic run would still be of use: nobody has judged the inspection, and it waits for nothing but its inputs. */
function openToInputs({ inspection_type, status, reason }: InspectionRow): boolean {
  if (inspection_type !== 'visual') return false;
  return status === 'pending' || status === 'in_progress' || (status === 'awaiting_review' && MENDED_BY_INPUTS.includes(reason ?? ''));
}

async function considerOne(
  tx: Transaction<InferenceTables>,
  inspection: InspectionRow,
  traceId: string,
): Promise<Changes & { started: boolean }> {
  const nothing = { events: [], audit: [], moved: null, started: false };
  if (!openToInputs(inspection)) return nothing;
  const before = await tx
    .selectFrom('inference.job')
    .select('operation_id')
    .where('inspection_id', '=', inspection.id)
    .where((is) => is.or([is('automatic', '=', true), is.and([is('decides', '=', true), is('state', 'in', ['queued', 'running'])])]))
    .executeTakeFirst();
  if (before) return nothing;
  const inputs = judgeInputs(await givenOf(tx, inspection));
  if (inputs.kind === 'missing') return nothing;
  if (inputs.kind === 'whole') {
    const { image, reference } = inputs;
    const run = { image, reference, automatic: true, decides: true, requestedBy: 'system', traceId, named: null };
    return { ...(await queueRun(tx, inspection, run)), started: true };
  }
  if (inspection.status === 'awaiting_review') return nothing;
  const { id, site, lot_id, station_id } = inspection;
  const { reason, detail, artifact } = inputs;
  return {
    started: false,
    moved: null,
    events: [
      {
        type: 'inference.failed',
        site,
        key: lotKey(inspection),
        // The event is about the file: a run was never made.
        aggregate: { type: 'artifact', id: artifact, version: 2 },
        payload: { operation_id: null, inspection_id: id, lot_id, station_id, reason, detail, decides: true },
      },
    ],
    audit: [
      {
        action: 'inference.failed',
        site,
        object: { type: 'inspection', id },
        old: null,
        new: { artifact_id: artifact },
        reason: `${reason}: ${detail}`,
      },
    ],
  };
}

/**
 * Something came that these inspections may have waited for. Starts the automatic run of each that now has all it needs, and tells of pictures that
 * do not decode. Seeing the same event again changes nothing: an inspection has one automatic run.
 */
export async function considerInspections(
  tx: Transaction<InferenceTables>,
  ids: readonly string[],
  traceId: string,
): Promise<Decided<Considered>> {
  const result: Considered = { started: 0, moved: [] };
  const all: { events: EventDraft[]; audit: AuditDraft[] } = { events: [], audit: [] };
  for (const inspection of await lockInspections(tx, ids)) {
    const { events, audit, started, moved } = await considerOne(tx, inspection, traceId);
    all.events.push(...events);
    all.audit.push(...audit);
    if (started) result.started += 1;
    if (moved) result.moved.push(moved);
  }
  return { result, ...all };
}
