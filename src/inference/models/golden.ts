import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Check } from 'typebox/value';
import { BadTensors, type Datatype, tensorFrom } from '../protocol/binary-tensors.ts';
import type { Tensors } from '../runtime/runtime.ts';

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

/** Reads `<folder>/<model>/<version>/golden.json`; null where there is none. @throws Error when it cannot be understood */
export async function readGolden(folder: string, model: string, version: number): Promise<Golden | null> {
  const path = join(folder, model, String(version), 'golden.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const value: unknown = JSON.parse(text);
  if (!Check(File, value)) throw new Error(`golden.json of ${model} ${version} is not of the right form`);
  try {
    return { tolerance: value.tolerance, inputs: () => unpacked(value.inputs), outputs: unpacked(value.outputs) };
  } catch (error) {
    if (error instanceof BadTensors) throw new Error(`golden.json of ${model} ${version}: ${error.message}`);
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
