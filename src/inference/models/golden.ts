import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Check } from 'typebox/value';
import { BadTensors, type Datatype, tensorFrom } from '../protocol/binary-tensors.ts';
import type { ModelRuntime, Tensors } from '../runtime/runtime.ts';
import type { VerifiedModel } from './repository.ts';

const Packed = Type.Record(
  Type.String({ maxLength: 200 }),
  Type.Object({
    datatype: Type.Enum(['UINT8', 'FP32'] as const),
    shape: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: 8 }),
    base64: Type.String(),
  }),
);
const File = Type.Object({ tolerance: Type.Number({ minimum: 0 }), inputs: Packed, outputs: Packed });

/** Inputs of a version and what it answered where it was trained. */
export interface Golden {
  /** Largest difference, of the value where that is above 1. */
  tolerance: number;
  /** A fresh copy each time: a run takes its inputs away. */
  inputs(): Tensors;
  outputs: Tensors;
}

function unpacked(packed: Static<typeof Packed>): Tensors {
  return Object.fromEntries(
    Object.entries(packed).map(([name, { datatype, shape, base64 }]) => [
      name,
      tensorFrom({ name, datatype: datatype as Datatype, shape }, Buffer.from(base64, 'base64')),
    ]),
  );
}

/** Largest `golden.json` that is read. */
const MOST_BYTES = 16 * 2 ** 20;

/** Reads `golden.json` of the folder of a version; null where there is none. @throws Error when it cannot be understood */
export async function readGolden(folder: string): Promise<Golden | null> {
  const path = join(folder, 'golden.json');
  let text: string;
  try {
    if ((await stat(path)).size > MOST_BYTES) throw new Error(`golden.json is larger than ${MOST_BYTES} bytes`);
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const value: unknown = JSON.parse(text);
  if (!Check(File, value)) throw new Error('golden.json is not of the right form');
  try {
    return { tolerance: value.tolerance, inputs: () => unpacked(value.inputs), outputs: unpacked(value.outputs) };
  } catch (error) {
    if (error instanceof BadTensors) throw new Error(`golden.json: ${error.message}`);
    throw error;
  }
}

/** Why these outputs are not those of the version, in words; null when they are. */
export function differs({ outputs: wanted, tolerance }: Pick<Golden, 'outputs' | 'tolerance'>, got: Tensors): string | null {
  for (const [name, want] of Object.entries(wanted)) {
    const tensor = got[name];
    if (tensor === undefined) return `output ${name} is not there`;
    if (tensor.type !== want.type || tensor.dims.join() !== want.dims.join() || tensor.data.length !== want.data.length)
      return `output ${name} is ${tensor.type} [${tensor.dims.join(', ')}] in place of ${want.type} [${want.dims.join(', ')}]`;
    let worst = 0;
    for (const [at, value] of want.data.entries()) {
      const off = Math.abs((tensor.data[at] as number) - value) / Math.max(Math.abs(value), 1);
      // Not a number is no number's equal.
      if (!(off <= worst)) worst = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
    }
    if (worst > tolerance) return `output ${name} differs by ${worst.toPrecision(3)}, ${tolerance} is allowed`;
  }
  return null;
}

/** Whether a version answers here what it answered where it was trained. @returns what is wrong, in words; null: nothing */
export async function goldenFault(runtime: ModelRuntime, { manifest, folder }: VerifiedModel): Promise<string | null> {
  try {
    const golden = folder === undefined ? null : await readGolden(folder);
    if (golden === null) return 'it has no golden.json';
    const { name: model, version } = manifest;
    const different = differs(golden, await runtime.infer({ model, version, tensors: golden.inputs() }));
    return different === null ? null : `its answer to golden.json: ${different}`;
  } catch (error) {
    return `its golden example cannot be run: ${error instanceof Error ? error.message : String(error)}`;
  }
}
