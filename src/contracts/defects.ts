import { type Static, Type } from 'typebox';
import { type Box, nullable, Reason, ref, Timestamp, Uuid } from './primitives.ts';

/** Classes of the board model, in the order of its output channels (DeepPCB, arXiv:1902.06197). */
export const BOARD_CLASSES = ['open', 'short', 'mousebite', 'spur', 'spurious_copper', 'pin_hole'] as const;
export type BoardClass = (typeof BOARD_CLASSES)[number];
export const DEFECT_CLASSES = [...BOARD_CLASSES, 'out_of_limits'] as const;
export const DefectClass = Type.Enum([...DEFECT_CLASSES]);
export type DefectClass = (typeof DEFECT_CLASSES)[number];
export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export const Severity = Type.Enum([...SEVERITIES]);
export type Severity = (typeof SEVERITIES)[number];
export const DEFECT_STATES = ['proposed', 'confirmed', 'rejected'] as const;

export const Defect = Type.Object(
  {
    id: Uuid,
    inspection_id: Uuid,
    class: DefectClass,
    severity: Severity,
    score: nullable(Type.Number({ minimum: 0, maximum: 1, description: 'Calibrated; null for a measurement' })),
    box: Type.Unsafe<Box | null>({
      anyOf: [{ $ref: 'Box#' }, { type: 'null' }],
      description: 'Pixels of the inspected picture; null for a measurement',
    }),
    state: Type.Enum([...DEFECT_STATES]),
    source: Type.Enum(['model', 'measurement', 'person']),
    operation_id: nullable(Uuid),
    characteristic: nullable(Type.String({ description: 'Of the measurement out of limits' })),
    proposed_class: DefectClass,
    reviewed_by: nullable(Type.String()),
    reviewed_at: nullable(Timestamp),
    review_reason: nullable(Type.String()),
    version: Type.Integer({ minimum: 1 }),
    created_at: Timestamp,
  },
  { $id: 'Defect', additionalProperties: false },
);
export type Defect = Static<typeof Defect>;
export const DefectList = Type.Object(
  { data: Type.Array(ref(Defect)), has_more: Type.Boolean(), next_cursor: nullable(Type.String()) },
  { $id: 'DefectList', additionalProperties: false },
);

export const DefectReview = Type.Object(
  {
    decision: Type.Enum(['confirm', 'reject', 'reclassify']),
    class: Type.Optional(Type.Enum([...BOARD_CLASSES])),
    reason: Type.Optional(Reason),
  },
  { $id: 'DefectReview', additionalProperties: false },
);
export type DefectReview = Static<typeof DefectReview>;
