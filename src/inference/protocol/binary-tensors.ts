import { endianness } from 'node:os';
import type { Tensor, Tensors } from '../runtime/runtime.ts';

/**
 * The tensors of the Open Inference Protocol (KServe v2) and its binary extension over HTTP: a JSON head, then the raw bytes of its tensors in the
 * order in which the head names them; `Inference-Header-Content-Length` says where the head ends. Little-endian, row by row. Pure: both the server's
 * side and the client's stand on it. Of the protocol's data types it takes those that our models have.
 */
export const HEADER_LENGTH = 'inference-header-content-length';

export type Datatype = 'UINT8' | 'FP32';
const DATATYPE = { uint8: 'UINT8', float32: 'FP32' } as const;
const TYPE = { UINT8: 'uint8', FP32: 'float32' } as const;
const WIDTH = { UINT8: 1, FP32: 4 } as const;

/** A body that is not what it says: the words go to whoever sent it. */
export class BadTensors extends Error {
  override readonly name = 'BadTensors';
}

export interface TensorLimits {
  /** Tensors of one body. */
  tensors: number;
  /** Bytes of one tensor as it lies in memory. */
  bytes: number;
  /** Bytes of the JSON head. */
  head: number;
}
/** A board of 4,096 x 4,096 as one tensor fits; a head is some hundred bytes. */
export const TENSOR_LIMITS: TensorLimits = { tensors: 16, bytes: 64 * 1024 ** 2, head: 64 * 1024 };
const MOST_AXES = 8;

export interface TensorHead {
  name: string;
  datatype: Datatype;
  shape: number[];
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Elements of a shape. @throws BadTensors for an axis that is no whole number from 0, and above 2^53 */
function countOf(shape: readonly number[]): number {
  let count = 1;
  for (const axis of shape) {
    if (!Number.isSafeInteger(axis) || axis < 0) throw new BadTensors(`shape [${shape.join(', ')}] holds an axis that is no size`);
    count *= axis;
  }
  if (!Number.isSafeInteger(count)) throw new BadTensors(`shape [${shape.join(', ')}] is too large`);
  return count;
}

/** Bytes that a tensor of this type and shape has on the wire. @throws BadTensors */
export const byteLengthOf = (datatype: Datatype, shape: readonly number[]): number => countOf(shape) * WIDTH[datatype];

/** As the wire has it: a view, no copy. */
export function rawOf({ data }: Tensor): Uint8Array {
  // Every machine that Node 24 is built for but one (s390x) is little-endian.
  if (endianness() !== 'LE') throw new Error('tensors are little-endian on the wire, this machine is not');
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

export const headOf = (name: string, { type, dims }: Tensor): TensorHead => ({ name, datatype: DATATYPE[type], shape: [...dims] });

/**
 * A tensor from its raw bytes, copied: they may lie at any offset. A server whose libraries do not fit each other answers the right shape and no
 * bytes, with status OK: the length is always compared. @throws BadTensors
 */
export function tensorFrom({ name, datatype, shape }: TensorHead, raw: Uint8Array): Tensor {
  const wanted = byteLengthOf(datatype, shape);
  if (raw.byteLength !== wanted)
    throw new BadTensors(`tensor ${name}, ${datatype} [${shape.join(', ')}], has ${raw.byteLength} bytes in place of ${wanted}`);
  const bytes = new Uint8Array(raw);
  return { type: TYPE[datatype], dims: shape, data: datatype === 'FP32' ? new Float32Array(bytes.buffer) : bytes };
}

/** Reads what one entry of `inputs` or `outputs` says of its tensor. @throws BadTensors */
export function readHead(entry: unknown, limits: TensorLimits): TensorHead {
  if (!isRecord(entry)) throw new BadTensors('a tensor is no object');
  const { name, datatype, shape } = entry;
  if (typeof name !== 'string' || name === '' || name.length > 200) throw new BadTensors('a tensor has no name of at most 200 characters');
  if (datatype !== 'UINT8' && datatype !== 'FP32')
    throw new BadTensors(`tensor ${name} has datatype ${JSON.stringify(datatype)?.slice(0, 40)}; UINT8 and FP32 are taken`);
  if (!Array.isArray(shape) || shape.length > MOST_AXES || !shape.every((axis) => typeof axis === 'number'))
    throw new BadTensors(`tensor ${name} has no shape of at most ${MOST_AXES} numbers`);
  const head: TensorHead = { name, datatype, shape };
  if (byteLengthOf(datatype, head.shape) > limits.bytes) throw new BadTensors(`tensor ${name} has more than ${limits.bytes} bytes`);
  return head;
}

/** `data` as JSON has it: flat or nested rows, in order. @throws BadTensors */
function fromNumbers(head: TensorHead, data: unknown): Tensor {
  const count = countOf(head.shape);
  const values = head.datatype === 'FP32' ? new Float32Array(count) : new Uint8Array(count);
  let at = 0;
  const fill = (part: unknown, depth: number): void => {
    if (Array.isArray(part)) {
      if (depth > MOST_AXES) throw new BadTensors(`tensor ${head.name} is nested too deep`);
      for (const inner of part) fill(inner, depth + 1);
      return;
    }
    const fits = typeof part === 'number' && (head.datatype === 'FP32' || (Number.isInteger(part) && part >= 0 && part <= 255));
    if (!fits || at >= count)
      throw new BadTensors(`tensor ${head.name} holds ${fits ? `more than ${count} values` : `what is no ${head.datatype}`}`);
    values[at++] = part as number;
  };
  if (!Array.isArray(data)) throw new BadTensors(`tensor ${head.name} has neither data nor binary_data_size`);
  fill(data, 0);
  if (at !== count) throw new BadTensors(`tensor ${head.name} holds ${at} values in place of ${count}`);
  return { type: TYPE[head.datatype], dims: head.shape, data: values };
}

/**
 * Takes a body apart: `headLength` is what the header says, null where there was none (then all of the body is JSON). `rest` are the raw bytes.
 * @throws BadTensors
 */
export function splitBody(
  body: Uint8Array,
  headLength: number | null,
  limits: TensorLimits = TENSOR_LIMITS,
): { head: Record<string, unknown>; rest: Uint8Array } {
  const length = headLength ?? body.byteLength;
  if (!Number.isSafeInteger(length) || length < 0 || length > body.byteLength)
    throw new BadTensors(`the head has ${length} bytes, the body ${body.byteLength}`);
  if (headLength !== null && length > limits.head) throw new BadTensors(`the head has more than ${limits.head} bytes`);
  let head: unknown;
  try {
    head = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body.subarray(0, length)));
  } catch {
    throw new BadTensors('the head is no JSON');
  }
  if (!isRecord(head)) throw new BadTensors('the head is no object');
  return { head, rest: body.subarray(length) };
}

/**
 * The tensors that `inputs` of a request or `outputs` of an answer name: from `rest` where `parameters.binary_data_size` says so, else from `data`.
 * Names are told once, and all of `rest` has to be used. @throws BadTensors
 */
export function readTensors(entries: unknown, rest: Uint8Array, limits: TensorLimits = TENSOR_LIMITS): Tensors {
  if (!Array.isArray(entries) || entries.length > limits.tensors) throw new BadTensors(`no list of at most ${limits.tensors} tensors`);
  const tensors: Tensors = {};
  let at = 0;
  for (const entry of entries) {
    const head = readHead(entry, limits);
    if (Object.hasOwn(tensors, head.name)) throw new BadTensors(`tensor ${head.name} is there twice`);
    const parameters: unknown = (entry as Record<string, unknown>).parameters;
    const size = isRecord(parameters) ? parameters.binary_data_size : undefined;
    let tensor: Tensor;
    if (size === undefined) tensor = fromNumbers(head, (entry as Record<string, unknown>).data);
    else {
      if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0 || size > rest.byteLength - at)
        throw new BadTensors(`tensor ${head.name} says ${JSON.stringify(size)?.slice(0, 40)} bytes, ${rest.byteLength - at} are left`);
      tensor = tensorFrom(head, rest.subarray(at, at + size));
      at += size;
    }
    Object.defineProperty(tensors, head.name, { value: tensor, enumerable: true, configurable: true, writable: true });
  }
  if (at !== rest.byteLength) throw new BadTensors(`${rest.byteLength - at} bytes belong to no tensor`);
  return tensors;
}

/**
 * A body with binary tensors: `list` is where the head names them (`inputs` of a request, `outputs` of an answer). The header
 * `Inference-Header-Content-Length` has to say `headLength`.
 */
export function joinBody(
  head: Record<string, unknown>,
  list: 'inputs' | 'outputs',
  tensors: Tensors,
): { body: Buffer; headLength: number } {
  const raws = Object.values(tensors).map(rawOf);
  const named = Object.entries(tensors).map(([name, tensor]) => ({
    ...headOf(name, tensor),
    parameters: { binary_data_size: tensor.data.byteLength },
  }));
  const text = Buffer.from(JSON.stringify({ ...head, [list]: named }));
  return { body: Buffer.concat([text, ...raws]), headLength: text.byteLength };
}
