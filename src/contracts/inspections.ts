import { type Static, Type } from 'typebox';
import { Artifact } from './artifacts.ts';
import { Defect } from './defects.ts';
import { InferenceRun } from './inference.ts';
import { Measurement } from './measurements.ts';
import { ChipId, LotId, nullable, PageQuery, PRINTABLE, page, Reason, ref, SiteCode, StationId, Timestamp, Uuid } from './primitives.ts';
import { ProblemDetail } from './problems.ts';

export const INSPECTION_TYPES = ['visual', 'electrical', 'thermal', 'dimensional'] as const;
export const InspectionType = Type.Enum([...INSPECTION_TYPES]);
export type InspectionType = (typeof INSPECTION_TYPES)[number];

/** `failed` is kept for later and never set today. */
export const INSPECTION_STATUSES = ['pending', 'in_progress', 'awaiting_review', 'completed', 'cancelled', 'failed'] as const;
export const InspectionStatus = Type.Enum([...INSPECTION_STATUSES]);
export type InspectionStatus = (typeof INSPECTION_STATUSES)[number];

export const VERDICTS = ['pass', 'fail', 'inconclusive'] as const;
export const Verdict = Type.Enum([...VERDICTS]);
export type Verdict = (typeof VERDICTS)[number];

/** Why an inspection waits for a person: a closed list, worded for people by the dashboard. */
export const WAITING_REASONS = [
  'input_timeout',
  'unreadable_image',
  'unreadable_reference',
  'size_mismatch',
  'model_failed',
  'no_limits',
  'uncertain',
] as const;
export type WaitingReason = (typeof WAITING_REASONS)[number];

/** That of ADR-001. */
export const INSPECTION_EXAMPLE = {
  lot_id: 'LOT-2025-001',
  chip_id: 'PCB-A1234',
  inspection_type: 'visual',
  priority: 5,
  station_metadata: { station_id: 'AOI-LINE-1', operator: 'john.doe', shift: 'morning' },
};

export const InspectionCreate = Type.Object(
  {
    lot_id: LotId,
    chip_id: ChipId,
    inspection_type: InspectionType,
    priority: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10,
        default: 5,
        description: 'Processing priority (1=lowest, 10=highest); thermal needs 7 or more',
      }),
    ),
    station_metadata: Type.Optional(
      nullable(
        Type.Object(
          {},
          { additionalProperties: true, default: {}, description: 'Station-specific metadata; a station_id must be the token’s own' },
        ),
      ),
    ),
    inspected_at: Type.Optional(
      Type.String({
        format: 'date-time',
        maxLength: 40,
        description: 'When the station looked (RFC 3339): at most 5 minutes ahead, at most 400 days ago. A claim, kept beside `created_at`',
      }),
    ),
    station_sequence: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description:
          'Number of this inspection at its station: 1, 2, 3 … within `station_epoch`. Only with a station’s token; a number is used once',
      }),
    ),
    station_epoch: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description:
          'Which count the number belongs to, 0 when left out: a station that lost its count begins a greater epoch, such as the milliseconds of the clock',
      }),
    ),
  },
  {
    $id: 'InspectionCreate',
    additionalProperties: false,
    examples: [INSPECTION_EXAMPLE],
  },
);
export type InspectionCreate = Static<typeof InspectionCreate>;

export const Inspection = Type.Object(
  {
    id: Uuid,
    lot_id: LotId,
    chip_id: ChipId,
    inspection_type: InspectionType,
    priority: Type.Integer(),
    station_metadata: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }),
    station_id: nullable(StationId),
    site: SiteCode,
    status: InspectionStatus,
    verdict: nullable(Verdict),
    reason: nullable(Type.String({ description: 'Why it waits, or why the verdict is what it is' })),
    attempt: Type.Integer({ minimum: 1, description: '1 for the first inspection of this type of a chip in its lot' }),
    version: Type.Integer({ minimum: 1 }),
    created_by: Type.String(),
    created_at: Timestamp,
    updated_at: Timestamp,
    completed_at: nullable(Timestamp),
    // Optional for answers that were kept before these fields were there; what is read today always has them.
    inspected_at: Type.Optional(nullable(Timestamp)),
    station_epoch: Type.Optional(nullable(Type.Integer({ minimum: 0 }))),
    station_sequence: Type.Optional(nullable(Type.Integer({ minimum: 1 }))),
    defects: Type.Optional(Type.Array(ref(Defect))),
    artifacts: Type.Optional(Type.Array(ref(Artifact))),
    measurements: Type.Optional(Type.Array(ref(Measurement))),
    inference: Type.Optional(Type.Array(ref(InferenceRun))),
  },
  { $id: 'Inspection', additionalProperties: false },
);
export type Inspection = Static<typeof Inspection>;
export const InspectionPage = page(ref(Inspection), 'InspectionPage');

export const INCLUDES = ['defects', 'artifacts', 'measurements', 'inference'] as const;
export type Include = (typeof INCLUDES)[number];
const IncludeList = Type.String({
  maxLength: 100,
  pattern: '^(defects|artifacts|measurements|inference)(,(defects|artifacts|measurements|inference))*$',
  description: 'Comma-separated: defects, artifacts, measurements, inference',
});
export const InspectionQuery = Type.Object(
  {
    ...PageQuery,
    status: Type.Optional(InspectionStatus),
    inspection_type: Type.Optional(InspectionType),
    lot_id: Type.Optional(Type.String({ minLength: 1, maxLength: 50, pattern: PRINTABLE })),
    chip_id: Type.Optional(Type.String({ minLength: 1, maxLength: 100, pattern: PRINTABLE })),
    station_id: Type.Optional(Type.String({ minLength: 1, maxLength: 100, pattern: PRINTABLE })),
    site: Type.Optional(SiteCode),
    verdict: Type.Optional(Verdict),
    from: Type.Optional(Timestamp),
    to: Type.Optional(Timestamp),
    include: Type.Optional(IncludeList),
  },
  { additionalProperties: false },
);
export const InspectionGetQuery = Type.Object(
  {
    include: Type.Optional(IncludeList),
    wait: Type.Optional(Type.Number({ minimum: 0, maximum: 20, description: 'Seconds to wait until it is judged or waits for a person' })),
  },
  { additionalProperties: false },
);
export const InspectionStart = Type.Object({}, { $id: 'InspectionStart', additionalProperties: false });
export const InspectionComplete = Type.Object(
  { verdict: Verdict, reason: Reason },
  { $id: 'InspectionComplete', additionalProperties: false },
);
export const InspectionCancel = Type.Object({ reason: Reason }, { $id: 'InspectionCancel', additionalProperties: false });

export const BATCH_LIMIT = 1000;
/** One item of a batch answer, in the order of the request: what a single create would have answered. */
export const BatchResult = Type.Object(
  {
    index: Type.Integer({ minimum: 0 }),
    status: Type.Integer(),
    id: Type.Optional(Uuid),
    location: Type.Optional(Type.String()),
    error: Type.Optional(
      Type.Object(
        { code: Type.String(), message: Type.String(), details: Type.Array(ref(ProblemDetail)) },
        { additionalProperties: false },
      ),
    ),
  },
  { $id: 'BatchResult', additionalProperties: false },
);
export type BatchResult = Static<typeof BatchResult>;
export const BatchAnswer = Type.Object({ results: Type.Array(ref(BatchResult)) }, { $id: 'BatchAnswer', additionalProperties: false });

export const UnitHistory = Type.Object(
  { chip_id: ChipId, data: Type.Array(ref(Inspection)), has_more: Type.Boolean(), next_cursor: nullable(Type.String()) },
  { $id: 'UnitHistory', additionalProperties: false },
);
