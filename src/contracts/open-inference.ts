import { type Static, Type } from 'typebox';
import { ref } from './primitives.ts';

/**
 * Shapes of the Open Inference Protocol (KServe v2, github.com/kserve/open-inference-protocol) and of what Triton adds to it. They document; a request is
 * read by hand, because its tensors may be millions of numbers.
 */
export const ProtocolError = Type.Object({ error: Type.String() }, { $id: 'ProtocolError', additionalProperties: false });

export const ServerLive = Type.Object({ live: Type.Boolean() }, { $id: 'ServerLive', additionalProperties: false });
export const ServerReady = Type.Object({ ready: Type.Boolean() }, { $id: 'ServerReady', additionalProperties: false });
export const ModelReady = Type.Object(
  { name: Type.String(), version: Type.Optional(Type.String()), ready: Type.Boolean() },
  { $id: 'ModelReady', additionalProperties: false },
);
export const ServerMetadata = Type.Object(
  { name: Type.String(), version: Type.String(), extensions: Type.Array(Type.String()) },
  { $id: 'ServerMetadata', additionalProperties: false },
);

export const TensorMetadata = Type.Object(
  { name: Type.String(), datatype: Type.String(), shape: Type.Array(Type.Integer(), { description: '-1: any size' }) },
  { $id: 'TensorMetadata', additionalProperties: false },
);
export const ModelMetadata = Type.Object(
  {
    name: Type.String(),
    versions: Type.Array(Type.String()),
    platform: Type.String(),
    inputs: Type.Array(ref(TensorMetadata)),
    outputs: Type.Array(ref(TensorMetadata)),
  },
  { $id: 'ModelMetadata', additionalProperties: false },
);
export type ModelMetadata = Static<typeof ModelMetadata>;

const Parameters = Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true });
export const ProtocolTensor = Type.Object(
  {
    name: Type.String(),
    datatype: Type.String(),
    shape: Type.Array(Type.Integer()),
    data: Type.Optional(
      Type.Array(Type.Unknown(), { description: 'Numbers row by row, flat or nested; left out where `binary_data_size` is given' }),
    ),
    parameters: Type.Optional(Parameters),
  },
  { $id: 'ProtocolTensor' },
);
export const ProtocolRequest = Type.Object(
  {
    id: Type.Optional(Type.String({ maxLength: 200, description: 'Comes back with the answer' })),
    parameters: Type.Optional(
      Type.Object({
        priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 10, description: '1 goes first, 10 last; 0 or left out: 5' })),
        timeout: Type.Optional(Type.Integer({ minimum: 0, description: 'Microseconds from the arrival to the answer; 0: none' })),
        binary_data_output: Type.Optional(Type.Boolean({ description: 'Outputs as raw bytes after the JSON' })),
      }),
    ),
    inputs: Type.Array(ref(ProtocolTensor), { minItems: 1 }),
    outputs: Type.Optional(Type.Array(Type.Object({ name: Type.String(), parameters: Type.Optional(Parameters) }), { minItems: 1 })),
  },
  { $id: 'ProtocolRequest' },
);
export const ProtocolAnswer = Type.Object(
  { id: Type.Optional(Type.String()), model_name: Type.String(), model_version: Type.String(), outputs: Type.Array(ref(ProtocolTensor)) },
  { $id: 'ProtocolAnswer', additionalProperties: false },
);

export const RepositoryIndex = Type.Array(
  Type.Object(
    { name: Type.String(), version: Type.String(), state: Type.Enum(['READY', 'UNAVAILABLE']), reason: Type.String() },
    { additionalProperties: false },
  ),
  { $id: 'RepositoryIndex' },
);
export type RepositoryIndex = Static<typeof RepositoryIndex>;

const Duration = Type.Object({ count: Type.Integer(), ns: Type.Integer() }, { additionalProperties: false });
export type Duration = Static<typeof Duration>;
export const ModelStatistics = Type.Object(
  {
    name: Type.String(),
    version: Type.String(),
    last_inference: Type.Integer({ description: 'Milliseconds since 1970; 0: never' }),
    inference_count: Type.Integer(),
    execution_count: Type.Integer(),
    inference_stats: Type.Object(
      { success: Duration, fail: Duration, queue: Duration, compute_input: Duration, compute_infer: Duration, compute_output: Duration },
      { additionalProperties: false },
    ),
    batch_stats: Type.Array(
      Type.Object(
        { batch_size: Type.Integer(), compute_input: Duration, compute_infer: Duration, compute_output: Duration },
        { additionalProperties: false },
      ),
    ),
  },
  { $id: 'ModelStatistics', additionalProperties: false },
);
export type ModelStatistics = Static<typeof ModelStatistics>;
export const StatisticsAnswer = Type.Object({ model_stats: Type.Array(ref(ModelStatistics)) }, { $id: 'StatisticsAnswer' });
