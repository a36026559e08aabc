import { type Static, type TSchema, Type } from 'typebox';
import { BOARD_CLASSES } from './defects.ts';
import { InspectionStatus, InspectionType, Verdict } from './inspections.ts';
import { nullable } from './primitives.ts';

/** What an inspection's events say of it, so that a consumer and a screen need no second look. */
const FACTS = {
  inspection_id: Type.String(),
  lot_id: Type.String(),
  chip_id: Type.String(),
  inspection_type: InspectionType,
  station_id: nullable(Type.String()),
  status: InspectionStatus,
  verdict: nullable(Verdict),
  reason: nullable(Type.String()),
};
const InspectionFacts = Type.Object(FACTS);
export type InspectionFacts = Static<typeof InspectionFacts>;

const BOX = Type.Object({ x: Type.Number(), y: Type.Number(), width: Type.Number(), height: Type.Number() });
const ABOUT = { inspection_id: Type.String(), lot_id: Type.String(), station_id: nullable(Type.String()) };
const DISAGREEMENT = {
  ...ABOUT,
  disagreement_id: Type.String(),
  model: Type.String(),
  production_version: Type.Integer(),
  candidate_version: Type.Integer(),
};
const LOT_MOVED = Type.Object({ lot_id: Type.String(), reason: Type.String(), by: Type.String() });

/**
 * Payload by event type, at its newest `schema_version`. Additive changes only; anything else is a new version (`KNOWN_VERSIONS` in `events.ts`). What
 * was once sent stands in `event-schemas.ndjson`, and `tools/event-schemas.ts` refuses a change that old events or old readers would not bear.
 */
export const EVENT_PAYLOADS = {
  'inspection.created': Type.Object({
    ...FACTS,
    priority: Type.Integer(),
    attempt: Type.Integer(),
    // What the station claims, when it does.
    inspected_at: Type.Optional(Type.String({ format: 'date-time' })),
    station_epoch: Type.Optional(Type.Integer()),
    station_sequence: Type.Optional(Type.Integer()),
  }),
  'inspection.started': InspectionFacts,
  'inspection.waiting': InspectionFacts,
  'inspection.judged': Type.Object({
    ...FACTS,
    by: Type.Enum(['model', 'limits', 'person']),
    policy: nullable(Type.String()),
    worst_severity: nullable(Type.String()),
    defects: Type.Integer(),
  }),
  'inspection.verdict_revised': Type.Object({ ...FACTS, previous: Verdict }),
  'inspection.cancelled': InspectionFacts,
  'measurements.recorded': Type.Object({ ...ABOUT, inspection_type: InspectionType, count: Type.Integer() }),
  'artifact.stored': Type.Object({
    ...ABOUT,
    artifact_id: Type.String(),
    kind: Type.String(),
    sha256: Type.String(),
    content_type: Type.String(),
    readable: nullable(Type.Boolean()),
  }),
  'inference.requested': Type.Object({ ...ABOUT, operation_id: Type.String() }),
  'inference.completed': Type.Object({
    ...ABOUT,
    operation_id: Type.String(),
    model: Type.String(),
    version: Type.Integer(),
    thresholds: Type.Record(Type.String(), Type.Number()),
    candidates: Type.Array(Type.Object({ class: Type.Enum([...BOARD_CLASSES]), box: BOX, score: Type.Number() })),
    decides: Type.Boolean({
      description: 'Whether this run may set the verdict: automatic or asked for with the production version on an unjudged inspection',
    }),
  }),
  'inference.failed': Type.Object({
    ...ABOUT,
    operation_id: nullable(Type.String()),
    reason: Type.String(),
    detail: Type.String(),
    decides: Type.Boolean(),
  }),
  'defect.reviewed': Type.Object({ ...ABOUT, defect_id: Type.String(), decision: Type.String(), class: Type.String() }),
  'lot.assigned': Type.Object({ lot_id: Type.String(), product: Type.String(), revision: Type.String() }),
  'lot.held': LOT_MOVED,
  'lot.released': LOT_MOVED,
  'drift.alarm_raised': Type.Object({
    alarm_id: Type.String(),
    station_id: Type.String(),
    model: Type.String(),
    version: Type.Integer(),
    feature: nullable(Type.String()),
    detector: Type.String(),
    direction: nullable(Type.String()),
    why: Type.String(),
  }),
  // Of every site: the envelope's site is `*`.
  'model.stage_changed': Type.Object({
    model: Type.String(),
    version: Type.Integer(),
    from: nullable(Type.String()),
    to: Type.String(),
    canary_percent: nullable(Type.Integer()),
    automatic: Type.Boolean(),
    rollback: Type.Boolean(),
    reason: Type.String(),
    by: Type.String(),
  }),
  'model.disagreed': Type.Object({
    ...DISAGREEMENT,
    role: Type.Enum(['shadow', 'canary']),
    calls_differ: Type.Integer({ description: 'Calls of one version alone, or of one place with another class' }),
  }),
  'model.disagreement_settled': Type.Object({
    ...DISAGREEMENT,
    right: Type.Enum(['production', 'candidate', 'neither', 'cannot_tell']),
    by: Type.String(),
  }),
} satisfies Record<string, TSchema>;

export type EventPayloads = { [T in keyof typeof EVENT_PAYLOADS]: Static<(typeof EVENT_PAYLOADS)[T]> };
