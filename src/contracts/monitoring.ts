import { type Static, Type } from 'typebox';
import { nullable, PageQuery, PRINTABLE, page, Reason, ref, SiteCode, StationId, Timestamp, Uuid } from './primitives.ts';

/** A share of `n` with its Wilson 95 % interval. `value`, `low` and `high` are null while `n` is 0. */
export const Rate = Type.Object(
  {
    count: Type.Integer(),
    n: Type.Integer({ description: 'The denominator; what it counts is said beside the report' }),
    value: nullable(Type.Number()),
    low: nullable(Type.Number()),
    high: nullable(Type.Number()),
  },
  { $id: 'Rate', additionalProperties: false },
);
export type Rate = Static<typeof Rate>;

export const QUALITY_BY = ['class', 'station', 'recipe', 'version', 'site'] as const;
export type QualityBy = (typeof QUALITY_BY)[number];

/** Counts of a group. Only what a person has reviewed is in a rate. */
export const QualityGroup = Type.Object(
  {
    group: nullable(Type.String({ description: 'Class, station, recipe, version or site; null for those without' })),
    boards: Type.Integer({ description: 'Boards that the model was to judge' }),
    calls: Type.Integer({ description: 'Findings that the model put before a person or failed a board by' }),
    calls_per_board: nullable(Type.Number()),
    calls_reviewed: Type.Integer(),
    confirmed: Type.Integer({ description: 'As the class that the model gave' }),
    reclassified: Type.Integer({ description: 'A defect, of another class' }),
    false_calls: Type.Integer(),
    false_call_rate: ref(Rate),
    audits_waiting: Type.Integer(),
    audits_cannot_tell: Type.Integer(),
    audited: Type.Integer({ description: 'Passes drawn at random that a person has looked at and could judge' }),
    escapes: Type.Integer({ description: 'Audited passes in which a defect was missed' }),
    missed_defects: Type.Integer({
      description:
        'Confirmed defects that people found where no model called them: at answered audits, and at looks where two versions disagree',
    }),
    escape_rate: ref(Rate),
  },
  { $id: 'QualityGroup', additionalProperties: false },
);
export type QualityGroup = Static<typeof QualityGroup>;

export const QualityReport = Type.Object(
  {
    model: Type.String(),
    by: Type.Enum([...QUALITY_BY]),
    from: nullable(Timestamp),
    to: nullable(Timestamp),
    confidence: Type.Number(),
    denominators: Type.Object(
      { boards: Type.String(), calls_per_board: Type.String(), false_call_rate: Type.String(), escape_rate: Type.String() },
      { additionalProperties: false, description: 'What each figure is counted over, in words' },
    ),
    total: ref(QualityGroup),
    groups: Type.Array(ref(QualityGroup)),
  },
  { $id: 'QualityReport', additionalProperties: false },
);
export type QualityReport = Static<typeof QualityReport>;
const Span = { from: Type.Optional(Timestamp), to: Type.Optional(Timestamp) };
export const QualityQuery = Type.Object(
  { ...Span, by: Type.Optional(Type.Enum([...QUALITY_BY], { default: 'class' })) },
  { additionalProperties: false },
);

export const ConfusionReport = Type.Object(
  {
    model: Type.String(),
    from: nullable(Timestamp),
    to: nullable(Timestamp),
    truth: Type.Array(Type.String(), { description: 'Rows: the classes, then nothing_there' }),
    said: Type.Array(Type.String(), { description: 'Columns: the classes, then missed' }),
    counts: Type.Array(Type.Array(Type.Integer()), { description: 'counts[truth][said]; nothing_there and missed never meet' }),
    words: Type.String({ description: 'What is counted' }),
  },
  { $id: 'ConfusionReport', additionalProperties: false },
);
export type ConfusionReport = Static<typeof ConfusionReport>;
export const ConfusionQuery = Type.Object(Span, { additionalProperties: false });

/** Agreement of two who answered the same, beyond chance. What is null was not counted yet, or cannot be told. */
export const KappaFigures = Type.Object(
  {
    n: Type.Integer({ description: 'The denominator: audits that both answered' }),
    agreeing: Type.Integer(),
    observed: nullable(Type.Number({ description: 'Share of n on which they agree' })),
    expected: nullable(Type.Number({ description: 'The share on which two with their habits would agree by chance' })),
    kappa: nullable(
      Type.Number({
        description: 'Cohen’s kappa: 1 whole agreement, 0 as by chance. Null also where each said one and the same word throughout',
      }),
    ),
    low: nullable(
      Type.Number({
        description:
          '95 % interval of a large sample: of fewer than some 30 it promises too much. Null where it would have no width, as at whole agreement',
      }),
    ),
    high: nullable(Type.Number()),
  },
  { $id: 'KappaFigures', additionalProperties: false },
);
export type KappaFigures = Static<typeof KappaFigures>;
export const ReviewerPair = Type.Object(
  {
    reviewers: Type.Array(Type.String(), { description: 'Two, by name' }),
    table: Type.Array(Type.Array(Type.Integer()), {
      description: 'table[what the first said][what the second said], in the order of words',
    }),
    figures: ref(KappaFigures),
    decided: Type.Integer({ description: 'Of those on which they differ: decided by a third' }),
    upheld: Type.Array(Type.Integer(), { description: 'Of these: decided as each of the two had said' }),
  },
  { $id: 'ReviewerPair', additionalProperties: false },
);
export type ReviewerPair = Static<typeof ReviewerPair>;
export const ReviewerAgreement = Type.Object(
  {
    model: Type.String(),
    from: nullable(Timestamp),
    to: nullable(Timestamp),
    words: Type.Array(Type.String()),
    drawn: Type.Integer({ description: 'Answered audits that were drawn to be answered again' }),
    waiting: Type.Object({ second: Type.Integer(), third: Type.Integer() }, { additionalProperties: false }),
    total: Type.Unsafe<KappaFigures>({
      $ref: 'KappaFigures#',
      description: 'Of who answered first against who answered second, over all pairs',
    }),
    pairs: Type.Array(ref(ReviewerPair), { description: 'The pair with the most audits first' }),
  },
  { $id: 'ReviewerAgreement', additionalProperties: false },
);
export type ReviewerAgreement = Static<typeof ReviewerAgreement>;

/** What is watched of every board: inputs first, then outputs. */
export const DRIFT_FEATURES = [
  'copper_fraction',
  'shift',
  'residual',
  'stretch',
  'stretch_across',
  'stretch_down',
  'sharpness',
  'best_score',
  'calls',
] as const;
export const DriftFeature = Type.Enum([...DRIFT_FEATURES]);
export type DriftFeature = (typeof DRIFT_FEATURES)[number];
export const DRIFT_DETECTORS = ['cusum', 'psi', 'false_calls'] as const;
export const DRIFT_STATES = ['learning', 'ok', 'alarm'] as const;
export type DriftState = (typeof DRIFT_STATES)[number];

const Page = Type.Object({ n: Type.Integer(), from: nullable(Timestamp), to: nullable(Timestamp) }, { additionalProperties: false });

export const DriftFigures = Type.Object(
  {
    feature: DriftFeature,
    state: Type.Enum([...DRIFT_STATES]),
    baseline_mean: nullable(Type.Number()),
    baseline_sigma: nullable(Type.Number()),
    current_mean: nullable(Type.Number()),
    psi: nullable(Type.Number({ description: 'Population stability index of the current window against the baseline' })),
    psi_limit: nullable(
      Type.Number({
        description:
          'An alarm from here on; follows from the sizes of both windows. Null for what CUSUM watches: there the index only shows',
      }),
    ),
    cusum_up: nullable(Type.Number({ description: 'In baseline sigmas; null for what PSI alone watches' })),
    cusum_down: nullable(Type.Number()),
    cusum_limit: nullable(Type.Number()),
    edges: Type.Array(Type.Number(), { description: 'Between the bins; one bin more than edges' }),
    baseline: Type.Array(Type.Integer(), { description: 'Boards a bin' }),
    current: Type.Array(Type.Integer()),
  },
  { $id: 'DriftFigures', additionalProperties: false },
);
export type DriftFigures = Static<typeof DriftFigures>;

export const MIX_WORDS = ['same mix', 'mix differs: not judged'] as const;
export const StationDrift = Type.Object(
  {
    site: SiteCode,
    station_id: StationId,
    version: Type.Integer({ description: 'Of the model' }),
    state: Type.Enum([...DRIFT_STATES]),
    boards: Type.Integer({ description: 'Seen since the baseline began' }),
    baseline: Page,
    baseline_size: Type.Integer({ description: 'Boards that make a baseline' }),
    current: Page,
    features: Type.Array(ref(DriftFigures)),
    mix: Type.Object(
      { psi: nullable(Type.Number()), limit: nullable(Type.Number()), word: nullable(Type.Enum([...MIX_WORDS])) },
      {
        additionalProperties: false,
        description: 'Products of the current boards against those of the baseline; only in the same mix is judged what the model answers',
      },
    ),
    calls_per_board: Type.Object({ baseline: nullable(Type.Number()), current: nullable(Type.Number()) }, { additionalProperties: false }),
    false_calls: Type.Object(
      {
        state: Type.Enum([...DRIFT_STATES]),
        reviewed: Type.Integer(),
        rejected: Type.Integer(),
        baseline_rate: nullable(Type.Number()),
        cusum: nullable(Type.Number()),
        cusum_limit: nullable(Type.Number()),
      },
      { additionalProperties: false },
    ),
    open_alarms: Type.Array(Uuid),
  },
  { $id: 'StationDrift', additionalProperties: false },
);
export type StationDrift = Static<typeof StationDrift>;
export const DriftReport = Type.Object(
  { model: Type.String(), stations: Type.Array(ref(StationDrift)) },
  { $id: 'DriftReport', additionalProperties: false },
);
export type DriftReport = Static<typeof DriftReport>;
export const DriftQuery = Type.Object({ station: Type.Optional(StationId) }, { additionalProperties: false });

export const DriftAlarm = Type.Object(
  {
    id: Uuid,
    site: SiteCode,
    station_id: StationId,
    model: Type.String(),
    version: Type.Integer(),
    feature: nullable(DriftFeature),
    detector: Type.Enum([...DRIFT_DETECTORS]),
    direction: nullable(Type.Enum(['up', 'down'])),
    value: Type.Number({ description: 'Of the detector when it crossed its limit' }),
    limit: Type.Number(),
    baseline_mean: nullable(Type.Number()),
    current_mean: nullable(Type.Number()),
    boards: Type.Integer({ description: 'Of this station since the baseline began' }),
    why: Type.String({ description: 'In words' }),
    state: Type.Enum(['open', 'acknowledged']),
    raised_at: Timestamp,
    acknowledged_by: nullable(Type.String()),
    acknowledged_at: nullable(Timestamp),
    note: nullable(Type.String()),
    relearn: Type.Boolean({ description: 'The baseline was learnt anew from here' }),
    record_version: Type.Integer({ minimum: 1 }),
  },
  { $id: 'DriftAlarm', additionalProperties: false },
);
export type DriftAlarm = Static<typeof DriftAlarm>;
export const DriftAlarmPage = page(ref(DriftAlarm), 'DriftAlarmPage');
export const DriftAlarmQuery = Type.Object(
  {
    ...PageQuery,
    state: Type.Optional(Type.Enum(['open', 'acknowledged'])),
    station: Type.Optional(StationId),
    model: Type.Optional(Type.String({ minLength: 1, maxLength: 100, pattern: PRINTABLE })),
  },
  { additionalProperties: false },
);
export const DriftAcknowledge = Type.Object(
  {
    note: Reason,
    relearn: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'true: how the station looks from now on is the new normal; false: it was mended, the old baseline holds',
      }),
    ),
  },
  { $id: 'DriftAcknowledge', additionalProperties: false },
);
export type DriftAcknowledge = Static<typeof DriftAcknowledge>;
