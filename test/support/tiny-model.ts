import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * An ONNX file made by hand (protobuf, onnx.proto3 of opset 13) with the contract of the board model: copper that is missing from the inspected
 * picture is an `open`, copper that was added a `short`; the score is the share of an 8 x 8 cell that differs, every box is 32 x 32.
 */
type Bytes = number[];

function varint(value: number): Bytes {
  const bytes: Bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}
const number = (field: number, value: number): Bytes => [...varint(field * 8), ...varint(value)];
const bytes = (field: number, value: Bytes): Bytes => [...varint(field * 8 + 2), ...varint(value.length), ...value];
const text = (field: number, value: string): Bytes => bytes(field, [...Buffer.from(value)]);
const ints = (name: string, values: number[]): Bytes =>
  bytes(5, [...text(1, name), ...values.flatMap((value) => number(8, value)), ...number(20, 7)]);
const int = (name: string, value: number): Bytes => bytes(5, [...text(1, name), ...number(3, value), ...number(20, 2)]);
const node = (type: string, inputs: string[], outputs: string[], attributes: Bytes = []): Bytes =>
  bytes(1, [...inputs.flatMap((name) => text(1, name)), ...outputs.flatMap((name) => text(2, name)), ...text(4, type), ...attributes]);
const tensor = (field: number, name: string, element: number, dims: (string | number)[]): Bytes => {
  const shape = dims.flatMap((dim) => bytes(1, typeof dim === 'string' ? text(2, dim) : number(1, dim)));
  return bytes(field, [...text(1, name), ...bytes(2, bytes(1, [...number(1, element), ...bytes(2, shape)]))]);
};
const constant = (name: string, value: number): Bytes =>
  bytes(5, [...number(1, 1), ...number(2, 1), ...text(8, name), ...bytes(9, [...Buffer.from(new Float32Array([value]).buffer)])]);

const whole = (type: number, name: string, raw: Uint8Array): Bytes =>
  bytes(5, [...number(2, type), ...text(8, name), ...bytes(9, [...raw])]);

const whole64 = (name: string, values: number[]): Bytes => [
  ...number(2, 7),
  ...text(8, name),
  ...bytes(9, [...Buffer.from(new BigInt64Array(values.map(BigInt)).buffer)]),
];

/** `zero` goes round and round: a run that does not end in anybody's time. */
function endless(): Bytes[] {
  const body = [
    ...node('Identity', ['go'], ['go_on']),
    ...node('Relu', ['before'], ['after']),
    ...text(2, 'body'),
    ...tensor(11, 'round', 7, []),
    ...tensor(11, 'go', 9, []),
    ...tensor(11, 'before', 1, ['N', 1, 'H8', 'W8']),
    ...tensor(12, 'go_on', 9, []),
    ...tensor(12, 'after', 1, ['N', 1, 'H8', 'W8']),
  ];
  return [
    node('Loop', ['rounds', 'yes', 'nothing'], ['zero'], bytes(5, [...text(1, 'body'), ...bytes(6, body), ...number(20, 5)])),
    [...whole(7, 'rounds', new Uint8Array(new BigInt64Array([2n ** 40n]).buffer)), ...whole(9, 'yes', Uint8Array.of(1))],
  ];
}

/** Channels of the convolutions that do nothing but take time. */
const WIDE = 32;
/** `nought` is 0 everywhere, after `layers` convolutions of the whole picture: some 9,000 multiplications a pixel and layer. */
function heavy(layers: number, pool: Bytes): Bytes[] {
  const filled = (name: string, dims: number[]) => {
    const values = new Float32Array(dims.reduce((size, dim) => size * dim, 1)).fill(1 / 300);
    return bytes(5, [
      ...dims.flatMap((dim) => number(1, dim)),
      ...number(2, 1),
      ...text(8, name),
      ...bytes(9, [...Buffer.from(values.buffer)]),
    ]);
  };
  const around = ints('pads', [1, 1, 1, 1]);
  return [
    [
      ...node('Conv', ['float', 'widen'], ['layer0'], around),
      ...Array.from({ length: layers }, (_, at) => node('Conv', [`layer${at}`, 'stay'], [`layer${at + 1}`], around)).flat(),
      ...node('Conv', [`layer${layers}`, 'narrow'], ['seen'], around),
      ...node('AveragePool', ['seen'], ['pooled'], pool),
      ...node('Sub', ['pooled', 'pooled'], ['nought']),
    ],
    [...filled('widen', [WIDE, 2, 3, 3]), ...filled('stay', [WIDE, WIDE, 3, 3]), ...filled('narrow', [1, WIDE, 3, 3])],
  ];
}

type Flaws = Required<Pick<TinyModelOptions, 'boxReach' | 'least' | 'hangs' | 'rigid' | 'layers'>>;

function tinyModel({ boxReach, least, hangs, rigid, layers }: Flaws): Uint8Array {
  const pool = [...ints('kernel_shape', [8, 8]), ...ints('strides', [8, 8])];
  const loop = hangs ? endless() : [];
  const burden = layers > 0 ? heavy(layers, pool) : [];
  const graph = [
    ...node('Cast', ['pair'], ['float'], int('to', 1)),
    ...node('Split', ['float'], ['template', 'inspected'], int('axis', 1)),
    ...node('Sub', ['template', 'inspected'], ['lost']),
    ...node('Sub', ['inspected', 'template'], ['gained']),
    ...node('Relu', ['lost'], ['lost_only']),
    ...node('Relu', ['gained'], ['gained_only']),
    ...node('AveragePool', ['lost_only'], [layers > 0 ? 'lost_share' : 'open'], pool),
    ...(burden[0] ?? []),
    ...(layers > 0 ? node('Add', ['lost_share', 'nought'], ['open']) : []),
    ...node('AveragePool', ['gained_only'], ['share'], pool),
    ...node('Max', ['share', 'least'], ['short']),
    ...node('Sub', ['open', 'open'], [hangs ? 'nothing' : 'zero']),
    ...(loop[0] ?? []),
    ...node('Concat', ['open', 'short', 'zero', 'zero', 'zero', 'zero'], [rigid ? 'any_heat' : 'heat'], int('axis', 1)),
    ...(rigid ? node('Reshape', ['any_heat', 'golden_size'], ['heat']) : []),
    ...node('Add', ['zero', 'reach'], ['side']),
    ...node('Concat', ['side', 'side', 'side', 'side'], ['ltrb'], int('axis', 1)),
    ...text(2, 'tiny'),
    ...constant('reach', boxReach),
    ...constant('least', least),
    ...(loop[1] ?? []),
    ...(burden[1] ?? []),
    ...(rigid ? bytes(5, [...number(1, 4), ...whole64('golden_size', [1, 6, 4, 4])]) : []),
    ...tensor(11, 'pair', 2, ['N', 2, 'H', 'W']),
    ...tensor(12, 'heat', 1, ['N', 6, 'H8', 'W8']),
    ...tensor(12, 'ltrb', 1, ['N', 4, 'H8', 'W8']),
  ];
  return Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, [...text(1, ''), ...number(2, 13)])]);
}

/** What the model answers to a picture of 32 x 32 with copper lost in one cell and, in part, gained in another: by its definition, without running it. */
function goldenOf(boxReach: number, least: number) {
  const side = 32;
  const pair = new Uint8Array(2 * side * side);
  for (let y = 8; y < 16; y += 1) pair.fill(1, y * side + 16, y * side + 24);
  for (let y = 24; y < 28; y += 1) pair.fill(1, side * side + y * side + 0, side * side + y * side + 8);
  const heat = new Float32Array(6 * 16);
  heat.fill(least, 16, 32);
  heat[1 * 4 + 2] = 1;
  heat[16 + 3 * 4] = Math.max(0.5, least);
  const ltrb = new Float32Array(4 * 16).fill(boxReach);
  const packed = (datatype: string, shape: number[], { buffer }: Uint8Array | Float32Array) => ({
    datatype,
    shape,
    base64: Buffer.from(buffer as ArrayBuffer).toString('base64'),
  });
  return {
    tolerance: 1e-6,
    inputs: { pair: packed('UINT8', [1, 2, side, side], pair) },
    outputs: { heat: packed('FP32', [1, 6, 4, 4], heat), ltrb: packed('FP32', [1, 4, 4, 4], ltrb) },
  };
}

export interface TinyModelOptions {
  name?: string;
  version?: number;
  /** Pixels from the centre of a cell to the sides of its box. */
  boxReach?: number;
  /** Least score of a short in every cell: 0.9 calls everything. */
  least?: number;
  /** A run does not end. */
  hangs?: boolean;
  /** The size of the golden example is baked into the graph, as a careless export does: it loads, answers that example, and fails on every other board. */
  rigid?: boolean;
  /** So many convolutions of the whole picture are done besides: the same answers, later. */
  layers?: number;
  /** `golden.json`: what it answers to a small board (when left out), something else, or no such file. */
  golden?: 'right' | 'wrong' | 'none';
  /** For manifests that lie. */
  sha256?: string;
  thresholds?: Record<string, number>;
  use?: 'research';
}

/** Writes a model repository with one model, calibration that changes nothing, thresholds of 0.5. Answers its manifest. */
export async function writeTinyModel(folder: string, options: TinyModelOptions = {}) {
  const { name = 'pcb-pair-synth', version = 1, boxReach = 16, least = 0, golden = 'right' } = options;
  const model = tinyModel({ boxReach, least, hangs: options.hangs ?? false, rigid: options.rigid ?? false, layers: options.layers ?? 0 });
  const classes = ['open', 'short', 'mousebite', 'spur', 'spurious_copper', 'pin_hole'];
  const manifest = {
    name,
    version,
    sha256: options.sha256 ?? createHash('sha256').update(model).digest('hex'),
    classes,
    calibration: { a: 1, b: 0 },
    thresholds: options.thresholds ?? Object.fromEntries(classes.map((one) => [one, 0.5])),
    nms_iou: 0.3,
    metrics: {},
    ...(options.use ? { use: options.use } : {}),
  };
  await mkdir(join(folder, name, String(version)), { recursive: true });
  await writeFile(join(folder, name, String(version), 'model.onnx'), model);
  await writeFile(join(folder, name, String(version), 'manifest.json'), JSON.stringify(manifest));
  const answers = goldenOf(boxReach, golden === 'wrong' ? 0.123 + least : least);
  if (golden !== 'none') await writeFile(join(folder, name, String(version), 'golden.json'), JSON.stringify(answers));
  return manifest;
}
