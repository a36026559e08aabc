import { type Static, Type } from 'typebox';
import { nullable, PageQuery, page, ref, SiteCode, Timestamp, Uuid } from './primitives.ts';

/** The closed vocabulary of what can be recorded: a change that has no word here cannot be made. */
export const AUDIT_ACTIONS = [
  'inspection.created',
  'inspection.started',
  'inspection.waiting',
  'inspection.judged',
  'inspection.verdict_revised',
  'inspection.cancelled',
  'measurements.recorded',
  'measurements.expired',
  'artifact.stored',
  'inference.requested',
  'inference.completed',
  'inference.failed',
  'defect.reviewed',
  'inspection.reviewed',
  'drift.alarm_raised',
  'drift.alarm_acknowledged',
  'lot.assigned',
  'lot.held',
  'lot.released',
  'product.revision_written',
  'product.template_stored',
  'model.registered',
  'model.stage_changed',
  'model.rolled_back',
  'model.recipe_made',
  'model.disagreement_settled',
  'policy.registered',
  'event.parked',
  'event.redriven',
  'identity.bootstrapped',
  'identity.signed_in',
  'identity.sign_in_failed',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export const AuditEntry = Type.Object(
  {
    id: Uuid,
    recorded_at: Timestamp,
    action: Type.Enum([...AUDIT_ACTIONS]),
    actor: Type.Object(
      { subject: Type.String(), name: Type.String(), kind: Type.Enum(['person', 'client', 'system']) },
      { additionalProperties: false },
    ),
    site: nullable(SiteCode),
    object: Type.Object({ type: Type.String(), id: Type.String() }, { additionalProperties: false }),
    old: Type.Unsafe<unknown>({ description: 'State before; null when the record is new' }),
    new: Type.Unsafe<unknown>({ description: 'State after' }),
    reason: nullable(Type.String()),
    request_id: nullable(Type.String()),
  },
  { $id: 'AuditEntry', additionalProperties: false },
);
export type AuditEntry = Static<typeof AuditEntry>;
export const AuditPage = page(ref(AuditEntry), 'AuditPage');
export const AuditQuery = Type.Object(
  {
    ...PageQuery,
    object: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Id of the record, or type:id' })),
    actor: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Name or subject' })),
    action: Type.Optional(Type.Enum([...AUDIT_ACTIONS])),
    from: Type.Optional(Timestamp),
    to: Type.Optional(Timestamp),
  },
  { additionalProperties: false },
);
