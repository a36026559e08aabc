import { type Static, Type } from 'typebox';
import { BOARD_CLASSES } from './defects.ts';
import { Box, nullable, page, ref, Sha256, Timestamp, Uuid, VersionNumber } from './primitives.ts';

export const InferRequest = Type.Object(
  {
    model: Type.Optional(Type.String({ minLength: 1, maxLength: 100, pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$' })),
    version: Type.Optional(VersionNumber),
  },
  { $id: 'InferRequest', additionalProperties: false },
);

export const OPERATION_STATES = ['queued', 'running', 'succeeded', 'failed'] as const;
export const OperationAccepted = Type.Object(
  { operation_id: Uuid, status: Type.Enum([...OPERATION_STATES]) },
  { $id: 'OperationAccepted', additionalProperties: false },
);
export const Operation = Type.Object(
  {
    operation_id: Uuid,
    status: Type.Enum([...OPERATION_STATES]),
    progress: Type.Number({ minimum: 0, maximum: 1 }),
    inspection_id: Uuid,
    model: nullable(Type.String()),
    version: nullable(Type.Integer()),
    result: nullable(Type.String({ description: 'Where the result is read' })),
    error: nullable(Type.String()),
    created_at: Timestamp,
    finished_at: nullable(Timestamp),
  },
  { $id: 'Operation', additionalProperties: false },
);
export type Operation = Static<typeof Operation>;

export const Candidate = Type.Object(
  { class: Type.Enum([...BOARD_CLASSES]), box: ref(Box), score: Type.Number({ minimum: 0, maximum: 1 }) },
  { $id: 'Candidate', additionalProperties: false },
);
export type Candidate = Static<typeof Candidate>;

/** What a run was given, told in figures: where a camera, a fixture or a product drifts, these move before the model's answers do. */
export const InputFeatures = Type.Object(
  {
    copper_fraction: Type.Number({ minimum: 0, maximum: 1, description: 'Share of the inspected picture that is copper' }),
    shift: Type.Object(
      { dx: Type.Integer(), dy: Type.Integer() },
      {
        additionalProperties: false,
        description:
          'Whole pixels, at most 8, by which the picture lies to the right of its golden template and below it; undone before the model looks',
      },
    ),
    residual: Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'Share of pixels that differ between the picture and the shifted template, 12 px at the borders left out',
    }),
    stretch: Type.Number({
      minimum: 0,
      description: 'Pixels by which the shifts of the left and right third differ, or of the top and bottom third, whichever is more',
    }),
    lengthened: Type.Optional(
      Type.Object(
        { x: Type.Number(), y: Type.Number() },
        {
          additionalProperties: false,
          description: 'Of `stretch`, across and down: below 0 where the picture is shorter than its template',
        },
      ),
    ),
    sharpness: Type.Number({
      minimum: 0,
      maximum: 1,
      description:
        'Of the inspected picture before it is made black and white: edges / (edges + greys), edges being pairs of neighbours on both sides of mid grey, greys the pixels from 32 to 223. 1: steps from black to white; an edge that takes n pixels gives about 1 / (1 + n)',
    }),
  },
  { $id: 'InputFeatures', additionalProperties: false },
);
export type InputFeatures = Static<typeof InputFeatures>;

/** Provenance of one model run: enough to repeat it and to say for ever which model judged this board. */
export const InferenceRun = Type.Object(
  {
    operation_id: Uuid,
    model: Type.String(),
    version: Type.Integer(),
    model_sha256: Sha256,
    runtime: Type.String(),
    thresholds: Type.Unsafe<Record<string, number>>({ type: 'object', additionalProperties: { type: 'number' } }),
    recipe: Type.Unsafe<{ product: string | null; version: number } | null>({
      anyOf: [
        {
          type: 'object',
          required: ['product', 'version'],
          properties: { product: { type: ['string', 'null'] }, version: { type: 'integer' } },
          additionalProperties: false,
        },
        { type: 'null' },
      ],
      description: 'Where the thresholds came from; null: the version’s own',
    }),
    input_sha256: Type.Object({ image: Sha256, reference: Sha256 }, { additionalProperties: false }),
    candidates: Type.Array(ref(Candidate), { description: 'Calibrated, from 0.05 up' }),
    timings_ms: Type.Unsafe<Record<string, number>>({ type: 'object', additionalProperties: { type: 'number' } }),
    features: nullable(ref(InputFeatures)),
    finished_at: Timestamp,
  },
  { $id: 'InferenceRun', additionalProperties: false },
);
export type InferenceRun = Static<typeof InferenceRun>;

export const MODEL_STAGES = ['draft', 'shadow', 'canary', 'production', 'retired'] as const;
export const ModelVersion = Type.Object(
  {
    model: Type.String(),
    version: Type.Integer(),
    stage: Type.Enum([...MODEL_STAGES]),
    stage_since: Timestamp,
    canary_percent: nullable(Type.Integer({ description: 'Share of the lots that a canary judges' })),
    sha256: Sha256,
    classes: Type.Array(Type.String()),
    thresholds: Type.Unsafe<Record<string, number>>({ type: 'object', additionalProperties: { type: 'number' } }),
    calibration: Type.Object({ a: Type.Number(), b: Type.Number() }, { additionalProperties: false }),
    metrics: Type.Unsafe<Record<string, unknown>>({
      type: 'object',
      additionalProperties: true,
      description: 'Measured accuracy, as in the model card',
    }),
    registered_at: Timestamp,
  },
  { $id: 'ModelVersion', additionalProperties: false },
);
export type ModelVersion = Static<typeof ModelVersion>;
export const ModelSummary = Type.Object(
  {
    name: Type.String(),
    production_version: nullable(Type.Integer()),
    canary_version: nullable(Type.Integer()),
    shadow_version: nullable(Type.Integer()),
    versions: Type.Integer(),
    runtime: Type.String(),
    ready: Type.Boolean(),
  },
  { $id: 'ModelSummary', additionalProperties: false },
);
export const ModelPage = page(ref(ModelSummary), 'ModelPage');
export const ModelVersionPage = page(ref(ModelVersion), 'ModelVersionPage');
