import { deeperThan, MAX_DEPTH } from '../../platform/http/json.ts';
import { invalid, ProblemError } from '../../platform/problem.ts';
import type { Tensor } from '../runtime/runtime.ts';
import { BadTensors, HEADER_LENGTH, readHead, readTensors, splitBody, type TensorLimits } from './binary-tensors.ts';
import { CELL, INPUT, OUTPUTS, type OutputName, type ProtocolLimits } from './board-contract.ts';

export interface WantedOutput {
  name: OutputName;
  /** As raw bytes after the JSON. */
  binary: boolean;
}

/** A request for a run, as it was understood. */
export interface Call {
  id: string | null;
  /** All boards: [N, 2, H, W]. */
  boards: Tensor;
  outputs: WantedOutput[];
  /** 1 goes first, 10 last. */
  priority: number;
  /** Longest time from here to the answer in milliseconds; null: as long as the platform takes. */
  timeoutMs: number | null;
}

type Json = Record<string, unknown>;
const forCodec = ({ body, json }: ProtocolLimits): TensorLimits => ({ tensors: 1, bytes: body, head: json });
const DEFAULT_PRIORITY = 5;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What the codec says of a body, with the field that it speaks of. */
function about<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof BadTensors) throw invalid(field, error.message, 'tensor');
    throw error;
  }
}

/** An object that may be left out. @throws ProblemError validation_error */
function objectAt(field: string, value: unknown): Json {
  if (value === undefined) return {};
  if (!isObject(value)) throw invalid(field, 'must be an object', 'type');
  return value;
}

function integerAt(field: string, value: unknown, most: number): number {
  if (value === undefined) return 0;
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > most)
    throw invalid(field, `must be a whole number from 0 to ${most}`, 'maximum');
  return value as number;
}

function flagAt(field: string, value: unknown): boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean') throw invalid(field, 'must be true or false', 'type');
  return value;
}

function headLengthOf(header: string | string[] | undefined): number | null {
  if (header === undefined) return null;
  if (typeof header !== 'string' || !/^\d{1,10}$/.test(header))
    throw invalid(`header -> ${HEADER_LENGTH}`, 'must be a number of bytes, in digits', 'type');
  return Number(header);
}

function openBody(body: Uint8Array | undefined, headLength: number | null, limits: ProtocolLimits): { head: Json; rest: Uint8Array } {
  if (body === undefined || body.byteLength === 0) throw invalid('body', 'A body is required', 'required');
  const length = headLength ?? body.byteLength;
  if (length > body.byteLength)
    throw invalid(`header -> ${HEADER_LENGTH}`, `says ${length} bytes, the body has ${body.byteLength}`, 'maximum');
  if (length > limits.json)
    throw new ProblemError('payload_too_large', {
      detail: `The JSON of a request may have ${limits.json} bytes: larger tensors go as raw bytes`,
    });
  if (deeperThan(body.subarray(0, length), MAX_DEPTH)) throw new ProblemError('json_too_deep');
  return about('body', () => splitBody(body, headLength, forCodec(limits)));
}

function judgeShape(shape: readonly number[], limits: ProtocolLimits): void {
  const field = 'inputs -> 0 -> shape';
  const [batch = 0, channels, height = 0, width = 0] = shape;
  if (shape.length !== 4 || channels !== INPUT.channels) throw invalid(field, `must be [N, ${INPUT.channels}, H, W]`, 'shape');
  if (batch < 1 || batch > limits.batch) throw invalid(field, `N must be 1 to ${limits.batch}`, 'maximum');
  if (height < CELL || width < CELL || height % CELL !== 0 || width % CELL !== 0)
    throw invalid(field, `H and W must be multiples of ${CELL}`, 'multipleOf');
  if (height * width > limits.pixels) throw invalid(field, `H x W must be at most ${limits.pixels} pixels`, 'maximum');
}

/** The shape is judged before memory is taken for it. */
function readBoards(inputs: unknown, rest: Uint8Array, limits: ProtocolLimits): Tensor {
  if (!Array.isArray(inputs) || inputs.length === 0) throw invalid('inputs', `must hold the tensor ${INPUT.name}`, 'required');
  if (inputs.length > 1) throw invalid('inputs', `must hold the tensor ${INPUT.name} and no other`, 'maxItems');
  const head = about('inputs -> 0', () => readHead(inputs[0], forCodec(limits)));
  if (head.name !== INPUT.name) throw invalid('inputs -> 0 -> name', `the model takes ${INPUT.name}`, 'enum', head.name);
  if (head.datatype !== INPUT.datatype) throw invalid('inputs -> 0 -> datatype', `must be ${INPUT.datatype}`, 'enum', head.datatype);
  judgeShape(head.shape, limits);
  objectAt('inputs -> 0 -> parameters', (inputs[0] as Json).parameters);
  const { [INPUT.name]: boards } = about('inputs -> 0', () => readTensors(inputs, rest, forCodec(limits)));
  judgePixels((boards as Tensor).data as Uint8Array);
  return boards as Tensor;
}

/** A grey picture would be answered with scores that mean nothing. */
function judgePixels(pixels: Uint8Array): void {
  for (let at = 0; at < pixels.length; at += 1)
    if ((pixels[at] as number) > 1) throw invalid('inputs -> 0 -> data', 'a pixel is 1 (copper) or 0 (laminate)', 'enum', pixels[at]);
}

function readOutputs(outputs: unknown, binaryByDefault: boolean): WantedOutput[] {
  if (outputs !== undefined && !Array.isArray(outputs)) throw invalid('outputs', 'must be a list', 'type');
  if (outputs === undefined || outputs.length === 0) return OUTPUTS.map((name) => ({ name, binary: binaryByDefault }));
  if (outputs.length > OUTPUTS.length) throw invalid('outputs', `the model has ${OUTPUTS.length}`, 'maxItems');
  const wanted: WantedOutput[] = [];
  for (const [at, entry] of outputs.entries()) {
    const field = `outputs -> ${at}`;
    if (!isObject(entry)) throw invalid(field, 'must be an object', 'type');
    const name = OUTPUTS.find((known) => known === entry.name);
    if (name === undefined) throw invalid(`${field} -> name`, `the model answers ${OUTPUTS.join(' and ')}`, 'enum');
    if (wanted.some((other) => other.name === name)) throw invalid(`${field} -> name`, `${name} is asked for twice`, 'uniqueItems');
    const parameters = objectAt(`${field} -> parameters`, entry.parameters);
    if (parameters.classification !== undefined && parameters.classification !== 0)
      throw invalid(`${field} -> parameters -> classification`, 'is not offered: the outputs are maps', 'enum');
    wanted.push({ name, binary: flagAt(`${field} -> parameters -> binary_data`, parameters.binary_data) ?? binaryByDefault });
  }
  return wanted;
}

/**
 * Reads a request of the protocol, with JSON tensors or raw bytes. Nothing is allocated by what it claims before that was judged.
 * @throws ProblemError validation_error with the field, payload_too_large, json_too_deep
 */
export function readCall(body: Uint8Array | undefined, headerLength: string | string[] | undefined, limits: ProtocolLimits): Call {
  const { head, rest } = openBody(body, headLengthOf(headerLength), limits);
  const { id } = head;
  if (id !== undefined && (typeof id !== 'string' || id.length > 200))
    throw invalid('id', 'must be a text of at most 200 characters', 'type');
  const parameters = objectAt('parameters', head.parameters);
  const priority = integerAt('parameters -> priority', parameters.priority, 10);
  const timeout = integerAt('parameters -> timeout', parameters.timeout, Number.MAX_SAFE_INTEGER);
  const binary = flagAt('parameters -> binary_data_output', parameters.binary_data_output) ?? false;
  return {
    id: id ?? null,
    outputs: readOutputs(head.outputs, binary),
    boards: readBoards(head.inputs, rest, limits),
    priority: priority === 0 ? DEFAULT_PRIORITY : priority,
    timeoutMs: timeout === 0 ? null : timeout / 1000,
  };
}
