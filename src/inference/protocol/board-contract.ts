import type { ModelMetadata } from '../../contracts/open-inference.ts';
import { TENSOR_LIMITS } from './binary-tensors.ts';

/** Every model that runs here compares a board with its template: one input, two maps of an eighth of its size. */
export const INPUT = { name: 'pair', datatype: 'UINT8', channels: 2 } as const;
export const OUTPUTS = ['heat', 'ltrb'] as const;
export type OutputName = (typeof OUTPUTS)[number];
/** Pixels a side of the cell that one number of an output speaks of. */
export const CELL = 8;
const BOX_SIDES = 4;

/**
 * Pixels of one board when nobody sets more: what the platform itself runs in one piece. A model needs about 100 bytes of working memory a pixel and keeps
 * it; larger boards are cut by whoever asks, as `board.ts` does.
 */
const BOARD_PIXELS = 1024 * 1024;
/** Numbers of an answer that are written as JSON; more are asked for as raw bytes. */
export const MOST_JSON_NUMBERS = 2 ** 18;

export interface ProtocolLimits {
  /** Boards of one request; they run one after the other, so that a judging run waits for one board at most. */
  batch: number;
  /** Pixels of one board. */
  pixels: number;
  /** Bytes of the JSON in a request: parsing holds up the event loop. A flat board of `BOARD_PIXELS` fits; more goes as raw bytes. */
  json: number;
  /** Bytes of a whole request: a full batch of the largest boards, and never more than a tensor may have. */
  body: number;
  /** Requests that are inside at once, and the bytes of their bodies. Fewer than may wait for a thread: judging runs always find room. */
  inside: number;
  bytesInside: number;
}

export function limitsFor(pixels = BOARD_PIXELS): ProtocolLimits {
  const batch = 8;
  const body = Math.min(batch * INPUT.channels * pixels, TENSOR_LIMITS.bytes) + TENSOR_LIMITS.head;
  return { batch, pixels, json: Math.min(5 * 1024 ** 2, body), body, inside: 32, bytesInside: Math.max(64 * 1024 ** 2, 2 * body) };
}

/** Numbers that an answer holds for one cell. */
export const numbersOf = (output: OutputName, classes: number): number => (output === 'heat' ? classes : BOX_SIDES);

/** A model as the protocol describes it. `platform` is Triton's name for a model of this format. */
export function describeModel(name: string, versions: readonly number[], classes: number): ModelMetadata {
  return {
    name,
    versions: versions.map(String),
    platform: 'onnxruntime_onnx',
    inputs: [{ name: INPUT.name, datatype: INPUT.datatype, shape: [-1, INPUT.channels, -1, -1] }],
    outputs: OUTPUTS.map((output) => ({ name: output, datatype: 'FP32', shape: [-1, numbersOf(output, classes), -1, -1] })),
  };
}
