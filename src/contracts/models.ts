import { type Static, Type } from 'typebox';
import { BOARD_CLASSES } from './defects.ts';
import { type Candidate, ModelVersion } from './inference.ts';
import { nullable, PageQuery, PRINTABLE, ProductCode, page, ref, SiteCode, Timestamp, Uuid, VersionNumber } from './primitives.ts';

/** Why a model is governed otherwise from now on; kept in the audit trail. */
const GoverningReason = Type.String({
  minLength: 3,
  maxLength: 500,
  pattern: '\\S\\s*\\S',
  description: 'Why, in words; kept in the audit trail',
});
const Version = Type.Integer({ minimum: 1 });
const Count = Type.Integer({ minimum: 0 });
const free = (description: string) =>
  Type.Unsafe<Record<string, unknown> | null>({ type: ['object', 'null'], additionalProperties: true, description });
const numbers = (description: string) =>
  Type.Unsafe<Record<string, number>>({ type: 'object', additionalProperties: { type: 'number' }, description });

/** One step of a version's life. `by` is `system` where the watcher rolled back; then `figures` are what it measured. */
export const StageChange = Type.Object(
  {
    id: Uuid,
    from: nullable(Type.String()),
    to: Type.String(),
    canary_percent: nullable(Type.Integer()),
    automatic: Type.Boolean({ description: 'The watcher did it, nobody asked' }),
    rollback: Type.Boolean(),
    reason: Type.String(),
    by: Type.String(),
    at: Timestamp,
    figures: free('What an automatic rollback measured'),
  },
  { $id: 'StageChange', additionalProperties: false },
);
export type StageChange = Static<typeof StageChange>;

/** Everything that the registry knows of one version. All but the stage and its history is as it was registered, for ever. */
export const ModelVersionDetail = Type.Object(
  {
    ...ModelVersion.properties,
    input: free('Input contract: name, datatype, shape, channels'),
    outputs: free('Output contract'),
    nms_iou: Type.Number(),
    training: free('What it was trained on, with the hash of each data set'),
    training_sha256: nullable(
      Type.String({ description: 'One hash over the data sets of the training: the fingerprint of what it learned from' }),
    ),
    card: nullable(Type.String({ description: 'Model card, Markdown' })),
    replaced: nullable(Type.Integer({ description: 'The version whose place in production it took: where a rollback leads' })),
    ready: Type.Boolean({ description: 'Loaded in the process that answers' }),
    history: Type.Array(ref(StageChange), { description: 'Newest first, at most 100' }),
  },
  { $id: 'ModelVersionDetail', additionalProperties: false },
);
export type ModelVersionDetail = Static<typeof ModelVersionDetail>;

export const StageRequest = Type.Object(
  {
    stage: Type.Enum(['draft', 'shadow', 'canary', 'production', 'retired']),
    reason: GoverningReason,
    canary_percent: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 50, description: 'Share of the lots; with stage canary alone, 10 when left out' }),
    ),
  },
  { $id: 'StageRequest', additionalProperties: false },
);
export type StageRequest = Static<typeof StageRequest>;
export const RollbackRequest = Type.Object(
  {
    reason: GoverningReason,
    from: Type.Optional(
      Type.Integer({ ...VersionNumber, description: 'The version that is to be withdrawn: 409 when another is in production by now' }),
    ),
  },
  { $id: 'RollbackRequest', additionalProperties: false },
);
export type RollbackRequest = Static<typeof RollbackRequest>;

const threshold = Type.Number({ minimum: 0.05, maximum: 0.99 });
/** Thresholds on the calibrated score. A class that is left out keeps the model's own. */
export const RecipeThresholds = Type.Object(
  Object.fromEntries(BOARD_CLASSES.map((name) => [name, Type.Optional(threshold)])) as Record<
    (typeof BOARD_CLASSES)[number],
    ReturnType<typeof Type.Optional<typeof threshold>>
  >,
  { $id: 'RecipeThresholds', additionalProperties: false },
);
export type RecipeThresholds = Static<typeof RecipeThresholds>;

const ofProduct = Type.Unsafe<string | null>({
  ...ProductCode,
  type: ['string', 'null'],
  description: 'Null: every product without a recipe of its own',
});
export const Recipe = Type.Object(
  {
    model: Type.String(),
    product: ofProduct,
    version: Version,
    thresholds: ref(RecipeThresholds),
    reason: Type.String(),
    in_force: Type.Boolean({ description: 'The newest of its product' }),
    created_by: Type.String(),
    created_at: Timestamp,
  },
  { $id: 'Recipe', additionalProperties: false },
);
export type Recipe = Static<typeof Recipe>;
export const RecipePage = page(ref(Recipe), 'RecipePage');
export const RecipeQuery = Type.Object(
  {
    ...PageQuery,
    product: Type.Optional(
      Type.String({
        maxLength: 60,
        pattern: PRINTABLE,
        description: 'Recipes of this product alone; empty: those of every product without its own',
      }),
    ),
  },
  { additionalProperties: false },
);
export const RecipeRequest = Type.Object(
  { product: ofProduct, thresholds: ref(RecipeThresholds), reason: GoverningReason },
  { $id: 'RecipeRequest', additionalProperties: false },
);
export type RecipeRequest = Static<typeof RecipeRequest>;

export const SimulationRequest = Type.Object(
  { product: ofProduct, thresholds: ref(RecipeThresholds), from: Type.Optional(Timestamp), to: Type.Optional(Timestamp) },
  { $id: 'SimulationRequest', additionalProperties: false },
);
export type SimulationRequest = Static<typeof SimulationRequest>;

export const OUTCOMES = ['pass', 'fail', 'review'] as const;
export type Outcome = (typeof OUTCOMES)[number];
/** What thresholds would have done to boards that were judged: their stored candidates are judged again, twice, by the policy of their lot. */
export const Simulation = Type.Object(
  {
    model: Type.String(),
    product: nullable(Type.String()),
    site: Type.String({ description: 'Whose boards were looked at; * for all sites' }),
    judged: Type.Integer({ description: 'Boards with a deciding run, newest first' }),
    oldest: nullable(Timestamp),
    newest: nullable(Timestamp),
    cut: nullable(Type.Enum(['boards', 'time'], { description: 'What ended the reading before all boards were seen' })),
    before: Type.Object({ pass: Count, fail: Count, review: Count }, { additionalProperties: false }),
    after: Type.Object({ pass: Count, fail: Count, review: Count }, { additionalProperties: false }),
    changes: Type.Array(
      Type.Object({ from: Type.Enum([...OUTCOMES]), to: Type.Enum([...OUTCOMES]), boards: Count }, { additionalProperties: false }),
      { description: 'Boards whose outcome would change' },
    ),
    calls: Type.Array(Type.Object({ class: Type.String(), before: Count, after: Count }, { additionalProperties: false })),
    thresholds: numbers('What would apply to a board of the version in production now'),
    reviews: Type.Object(
      {
        false_calls: Type.Object({ reviewed: Count, avoided: Count }, { additionalProperties: false }),
        confirmed: Type.Object(
          {
            reviewed: Count,
            no_longer_called: Count,
            escapes: Type.Integer({ minimum: 0, description: 'Confirmed defects on boards that would pass' }),
          },
          { additionalProperties: false },
        ),
      },
      { additionalProperties: false, description: 'Against what people said of calls of these boards' },
    ),
  },
  { $id: 'Simulation', additionalProperties: false },
);
export type Simulation = Static<typeof Simulation>;

export const COMPARISON_ROLES = ['shadow', 'canary'] as const;
/** What a person says of a disagreement. `cannot_tell` closes it and counts for neither version. */
export const SETTLED = ['production', 'candidate', 'neither', 'cannot_tell'] as const;
const call = (whose: string) =>
  Type.Unsafe<Candidate | null>({ anyOf: [{ $ref: 'Candidate#' }, { type: 'null' }], description: `Null: ${whose} called nothing there` });
/** Where two versions called the same board otherwise: a call of one alone, or two calls of one place with other classes. */
export const Disagreement = Type.Object(
  {
    id: Uuid,
    model: Type.String(),
    role: Type.Enum([...COMPARISON_ROLES]),
    production_version: Version,
    candidate_version: Version,
    decided_by: Type.Enum(['production', 'candidate'], { description: 'Whose run gave the verdict' }),
    inspection_id: Uuid,
    operation_id: Uuid,
    site: SiteCode,
    lot_id: Type.String(),
    chip_id: Type.String(),
    station_id: nullable(Type.String()),
    differences: Type.Array(
      Type.Object({ production: call('production'), candidate: call('the candidate') }, { additionalProperties: false }),
      { description: 'At most 50' },
    ),
    state: Type.Enum(['open', 'settled']),
    right: nullable(Type.Enum([...SETTLED])),
    note: nullable(Type.String()),
    settled_by: nullable(Type.String()),
    settled_at: nullable(Timestamp),
    created_at: Timestamp,
  },
  { $id: 'Disagreement', additionalProperties: false },
);
export type Disagreement = Static<typeof Disagreement>;
export const DisagreementPage = page(ref(Disagreement), 'DisagreementPage');
export const DisagreementQuery = Type.Object(
  { ...PageQuery, state: Type.Optional(Type.Enum(['open', 'settled'])), version: Type.Optional(VersionNumber) },
  { additionalProperties: false },
);
export const SettleRequest = Type.Object(
  {
    right: Type.Enum([...SETTLED], {
      description: 'neither: both are wrong; cannot_tell: nobody is asked again, and it counts for neither',
    }),
    note: Type.Optional(Type.String({ minLength: 1, maxLength: 1000, pattern: '\\S' })),
  },
  { $id: 'SettleRequest', additionalProperties: false },
);
export type SettleRequest = Static<typeof SettleRequest>;

const Latency = Type.Object(
  { runs: Count, p50: nullable(Type.Number()), p95: nullable(Type.Number()), errors: Count },
  { additionalProperties: false, description: 'Milliseconds of the model alone; errors are boards that a try gave no answer for' },
);
/** A shadow or canary beside production, since its stage began: at most the newest 5,000 boards that both looked at. */
export const Comparison = Type.Object(
  {
    role: Type.Enum([...COMPARISON_ROLES]),
    production_version: nullable(Type.Integer()),
    candidate_version: Version,
    since: Timestamp,
    canary_percent: nullable(Type.Integer()),
    boards: Type.Integer({ minimum: 0, description: 'Looked at by both' }),
    agreeing: Count,
    dropped: Type.Integer({ minimum: 0, description: 'Boards that were not compared, because comparing was behind' }),
    matrix: Type.Array(
      Type.Object(
        { production: nullable(Type.String()), candidate: nullable(Type.String()), calls: Count },
        { additionalProperties: false },
      ),
      { description: 'Calls by class of production and of the candidate in one place; null: nothing called there' },
    ),
    classes: Type.Array(
      Type.Object({ class: Type.String(), both: Count, production_only: Count, candidate_only: Count }, { additionalProperties: false }),
    ),
    calls_per_board: Type.Object(
      { production: nullable(Type.Number()), candidate: nullable(Type.Number()) },
      { additionalProperties: false },
    ),
    latency_ms: Type.Object({ production: Latency, candidate: Latency }, { additionalProperties: false }),
    disagreements: Type.Object(
      { open: Count, production_right: Count, candidate_right: Count, neither: Count, cannot_tell: Count },
      { additionalProperties: false },
    ),
  },
  { $id: 'Comparison', additionalProperties: false },
);
export type Comparison = Static<typeof Comparison>;
export const ComparisonList = Type.Object(
  {
    model: Type.String(),
    data: Type.Array(ref(Comparison), { description: 'One for the canary and one for the shadow, where there is one' }),
  },
  { $id: 'ComparisonList', additionalProperties: false },
);
export type ComparisonList = Static<typeof ComparisonList>;
