import type { InputFeatures } from '../../contracts/inference.ts';
import type { Tensors } from '../runtime/runtime.ts';

/** Copper of one picture, one bit a pixel (1 = copper), rows padded to whole bytes and both sides to multiples of 8 with laminate. */
export interface Plane {
  /** Of the picture, without padding. */
  width: number;
  height: number;
  bits: Uint8Array<ArrayBuffer>;
}

export interface BoardPair {
  /** As it lies under the picture: moved by `features.shift`. */
  template: Plane;
  inspected: Plane;
}

/** Why a pair cannot be compared: these wait for a person, no retry mends them. */
export type PairFault = 'unreadable_image' | 'unreadable_reference' | 'size_mismatch';

/** `session` is the runtime's name of a loaded model; `bytes` are those whose hash was checked. */
export type Load = { kind: 'load'; session: string; bytes: Uint8Array };
/** The thread ends between two tasks. */
export type Leave = { kind: 'leave' };
export type Task = { kind: 'pair'; image: Uint8Array; reference: Uint8Array } | { kind: 'run'; session: string; tensors: Tensors };
export type Done =
  | { kind: 'pair'; pair: BoardPair; features: InputFeatures }
  | { kind: 'unfit'; fault: PairFault; detail: string }
  | { kind: 'ran'; tensors: Tensors };
export type Answer =
  | { kind: 'up' }
  | { kind: 'loaded'; session: string; error: string | null }
  | { kind: 'done'; done: Done }
  | { kind: 'failed'; message: string };
