import { type Static, Type } from 'typebox';
import { INSPECTION_TYPES } from './inspections.ts';
import {
  LotId,
  nullable,
  PageQuery,
  PRINTABLE,
  ProductCode,
  page,
  Reason,
  RevisionCode,
  ref,
  Sha256,
  SiteCode,
  StationId,
  Timestamp,
  VersionNumber,
} from './primitives.ts';

export const Site = Type.Object(
  {
    code: SiteCode,
    name: Type.String(),
    time_zone: Type.String({ description: 'IANA name, e.g. Europe/Berlin' }),
    lot_id_pattern: nullable(Type.String({ description: 'Goes before LOT_ID_PATTERN' })),
  },
  { $id: 'Site', additionalProperties: false },
);
export type Site = Static<typeof Site>;
export const SitePage = page(ref(Site), 'SitePage');

export const Station = Type.Object(
  {
    station_id: StationId,
    site: SiteCode,
    name: Type.String(),
    inspection_types: Type.Array(Type.Enum([...INSPECTION_TYPES])),
    line: nullable(Type.String()),
    last_seen_at: nullable(Timestamp),
  },
  { $id: 'Station', additionalProperties: false },
);
export type Station = Static<typeof Station>;
export const StationPage = page(ref(Station), 'StationPage');

export const MeasurementLimit = Type.Object(
  {
    characteristic: Type.String({ minLength: 1, maxLength: 100, pattern: PRINTABLE }),
    unit: Type.String({ minLength: 1, maxLength: 20, pattern: PRINTABLE }),
    lsl: nullable(Type.Number()),
    usl: nullable(Type.Number()),
    target: Type.Optional(nullable(Type.Number())),
  },
  { $id: 'MeasurementLimit', additionalProperties: false },
);
export type MeasurementLimit = Static<typeof MeasurementLimit>;

export const RevisionWrite = Type.Object(
  {
    description: Type.Optional(Type.String({ maxLength: 500 })),
    limits: Type.Optional(Type.Array(ref(MeasurementLimit), { maxItems: 500 })),
    policy: Type.Optional(
      Type.Object(
        { name: Type.String({ minLength: 1, maxLength: 60 }), version: VersionNumber },
        { additionalProperties: false, description: 'Quality policy; the newest "standard" when left out' },
      ),
    ),
  },
  { $id: 'RevisionWrite', additionalProperties: false },
);
export type RevisionWrite = Static<typeof RevisionWrite>;

export const ProductRevision = Type.Object(
  {
    product: ProductCode,
    revision: RevisionCode,
    description: nullable(Type.String()),
    limits: Type.Array(ref(MeasurementLimit)),
    policy: Type.Object({ name: Type.String(), version: Type.Integer() }, { additionalProperties: false }),
    template: Type.Unsafe<{ sha256: string; content_type: string; width: number; height: number; size: number } | null>({
      anyOf: [
        Type.Object(
          { sha256: Sha256, content_type: Type.String(), width: Type.Integer(), height: Type.Integer(), size: Type.Integer() },
          { additionalProperties: false },
        ),
        { type: 'null' },
      ],
    }),
    in_use: Type.Boolean({ description: 'A lot uses it: it can no longer change' }),
    version: Type.Integer({ minimum: 1 }),
    created_at: Timestamp,
    updated_at: Timestamp,
  },
  { $id: 'ProductRevision', additionalProperties: false },
);
export type ProductRevision = Static<typeof ProductRevision>;

export const LOT_STATES = ['open', 'held', 'released'] as const;
export type LotState = (typeof LOT_STATES)[number];
export const Lot = Type.Object(
  {
    lot_id: LotId,
    site: SiteCode,
    state: Type.Enum([...LOT_STATES]),
    reason: nullable(Type.String({ description: 'Why it is held, or why it was released' })),
    decided_by: nullable(Type.String()),
    decided_at: nullable(Timestamp),
    product: nullable(ProductCode),
    revision: nullable(RevisionCode),
    counts: Type.Object(
      {
        total: Type.Integer(),
        pending: Type.Integer(),
        in_progress: Type.Integer(),
        awaiting_review: Type.Integer(),
        pass: Type.Integer(),
        fail: Type.Integer(),
        inconclusive: Type.Integer(),
        cancelled: Type.Integer(),
      },
      { additionalProperties: false, description: 'Inspections of the lot by status and verdict; a station is counted its own' },
    ),
    yield: nullable(Type.Number({ minimum: 0, maximum: 1, description: 'pass / (pass + fail); null while nothing is judged' })),
    opened_at: Timestamp,
    version: Type.Integer({ minimum: 1 }),
  },
  { $id: 'Lot', additionalProperties: false },
);
export type Lot = Static<typeof Lot>;
export const LotPage = page(ref(Lot), 'LotPage');
export const LotQuery = Type.Object(
  { ...PageQuery, state: Type.Optional(Type.Enum([...LOT_STATES])), site: Type.Optional(SiteCode) },
  { additionalProperties: false },
);
export const LotAssign = Type.Object({ product: ProductCode, revision: RevisionCode }, { $id: 'LotAssign', additionalProperties: false });
export const LotDecision = Type.Object({ reason: Reason }, { $id: 'LotDecision', additionalProperties: false });

export const Policy = Type.Object(
  {
    name: Type.String(),
    version: Type.Integer(),
    rules: Type.Unsafe<PolicyRules>({ $ref: 'PolicyRules#' }),
    created_at: Timestamp,
  },
  { $id: 'Policy', additionalProperties: false },
);
/** What turns findings into a verdict. A version never changes; a product revision names the one that judges it. */
export const PolicyRules = Type.Object(
  {
    severity: Type.Unsafe<Record<string, 'low' | 'medium' | 'high' | 'critical'>>({
      type: 'object',
      additionalProperties: { enum: ['low', 'medium', 'high', 'critical'] },
      description: 'Severity of each defect class',
    }),
    fail_from: Type.Enum(['low', 'medium', 'high', 'critical'], { description: 'A defect of this severity or worse fails the unit' }),
    review_band: Type.Number({
      minimum: 0,
      maximum: 1,
      description:
        'A candidate below its threshold by less than this waits for a person. Scores below 0.05 are not kept: there the band ends',
    }),
    hold: Type.Object(
      {
        min_judged: Type.Integer({ minimum: 1 }),
        fail_fraction: Type.Number({
          minimum: 0,
          maximum: 1,
          description: 'The lot is held when more than this fraction of its judged units fail',
        }),
      },
      { additionalProperties: false },
    ),
  },
  { $id: 'PolicyRules', additionalProperties: false },
);
export type PolicyRules = Static<typeof PolicyRules>;
export const PolicyPage = page(ref(Policy), 'PolicyPage');
