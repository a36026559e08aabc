import { fromJSON } from '@grpc/proto-loader';

const optional = (fields: Record<string, [type: string, id: number]>) => ({
  fields: Object.fromEntries(Object.entries(fields).map(([name, [type, id]]) => [name, { type, id }])),
});
const many = (type: string, id: number) => ({ rule: 'repeated', type, id });
const named = (type: string, id: number) => ({ keyType: 'string', type, id });
const call = (request: string, response = request) => ({
  requestType: `${request}Request`,
  responseType: `${response}Response`,
  comment: '',
});

const versioned = optional({ name: ['string', 1], version: ['string', 2] });
const tensor = {
  fields: {
    name: { type: 'string', id: 1 },
    datatype: { type: 'string', id: 2 },
    shape: many('int64', 3),
    parameters: named('InferParameter', 4),
  },
};
const parameter = (fields: Record<string, [type: string, id: number]>) => ({
  oneofs: { parameter_choice: { oneof: Object.keys(fields) } },
  ...optional(fields),
});

/**
 * The part of `open_inference_grpc.proto` (Open Inference Protocol, Apache-2.0) and of Triton's repository and statistics extensions that is used here:
 * names and field numbers are the protocol's, what is left out is skipped by protobuf. As data, so that it is compiled and shipped like all other code.
 */
const INFERENCE = {
  ServerLiveRequest: optional({}),
  ServerLiveResponse: optional({ live: ['bool', 1] }),
  ServerMetadataRequest: optional({}),
  ServerMetadataResponse: { fields: { ...versioned.fields, extensions: many('string', 3) } },
  ModelReadyRequest: versioned,
  ModelReadyResponse: optional({ ready: ['bool', 1] }),
  ModelMetadataRequest: versioned,
  TensorMetadata: { fields: { name: { type: 'string', id: 1 }, datatype: { type: 'string', id: 2 }, shape: many('int64', 3) } },
  ModelMetadataResponse: {
    fields: {
      name: { type: 'string', id: 1 },
      versions: many('string', 2),
      platform: { type: 'string', id: 3 },
      inputs: many('TensorMetadata', 4),
      outputs: many('TensorMetadata', 5),
    },
  },
  ModelStatisticsRequest: versioned,
  StatisticDuration: optional({ count: ['uint64', 1], ns: ['uint64', 2] }),
  InferStatistics: optional({ success: ['StatisticDuration', 1], fail: ['StatisticDuration', 2] }),
  ModelStatistics: optional({ name: ['string', 1], version: ['string', 2], inference_stats: ['InferStatistics', 6] }),
  ModelStatisticsResponse: { fields: { model_stats: many('ModelStatistics', 1) } },
  InferParameter: parameter({
    bool_param: ['bool', 1],
    int64_param: ['int64', 2],
    string_param: ['string', 3],
    double_param: ['double', 4],
    uint64_param: ['uint64', 5],
  }),
  ModelInferRequest: {
    fields: {
      model_name: { type: 'string', id: 1 },
      model_version: { type: 'string', id: 2 },
      id: { type: 'string', id: 3 },
      parameters: named('InferParameter', 4),
      inputs: many('InferInputTensor', 5),
      outputs: many('InferRequestedOutputTensor', 6),
      raw_input_contents: many('bytes', 7),
    },
  },
  InferInputTensor: tensor,
  InferRequestedOutputTensor: { fields: { name: { type: 'string', id: 1 }, parameters: named('InferParameter', 2) } },
  ModelInferResponse: {
    fields: {
      model_name: { type: 'string', id: 1 },
      model_version: { type: 'string', id: 2 },
      id: { type: 'string', id: 3 },
      parameters: named('InferParameter', 4),
      outputs: many('InferOutputTensor', 5),
      raw_output_contents: many('bytes', 6),
    },
  },
  InferOutputTensor: tensor,
  RepositoryModelLoadRequest: optional({ repository_name: ['string', 1], model_name: ['string', 2] }),
  RepositoryModelLoadResponse: optional({}),
  RepositoryModelUnloadRequest: optional({ repository_name: ['string', 1], model_name: ['string', 2] }),
  RepositoryModelUnloadResponse: optional({}),
  GRPCInferenceService: {
    methods: {
      ServerLive: call('ServerLive'),
      ServerMetadata: call('ServerMetadata'),
      ModelReady: call('ModelReady'),
      ModelMetadata: call('ModelMetadata'),
      ModelStatistics: call('ModelStatistics'),
      ModelInfer: call('ModelInfer'),
      RepositoryModelLoad: call('RepositoryModelLoad'),
      RepositoryModelUnload: call('RepositoryModelUnload'),
    },
  },
};

/** 64-bit numbers become plain ones: sizes and counts stay below 2^53. */
export const inferenceService = () =>
  fromJSON({ nested: { inference: { nested: INFERENCE } } }, { keepCase: true, longs: Number, defaults: true, arrays: true });
