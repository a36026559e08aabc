import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelRuntime, Tensor, Tensors } from '../runtime/runtime.ts';
import type { VerifiedModel } from './repository.ts';

interface Packed {
  datatype: 'UINT8' | 'FP32';
  shape: number[];
  base64: string;
}
/** What a version answered where it was trained: `<name>/<version>/golden.json`. */
interface Golden {
  tolerance: number;
  inputs: Record<string, Packed>;
  outputs: Record<string, Packed>;
}

/** Largest `golden.json` that is read. */
const MOST_BYTES = 16 * 2 ** 20;

function unpacked({ datatype, shape, base64 }: Packed): Tensor {
  const bytes = new Uint8Array(Buffer.from(base64, 'base64'));
  return datatype === 'UINT8'
    ? { type: 'uint8', dims: shape, data: bytes }
    : { type: 'float32', dims: shape, data: new Float32Array(bytes.buffer) };
}

function worstOf(got: Tensor | undefined, want: Tensor): number {
  if (!got || got.data.length !== want.data.length || got.dims.join() !== want.dims.join()) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (const [at, value] of want.data.entries()) {
    const off = Math.abs((got.data[at] as number) - value) / Math.max(Math.abs(value), 1);
    // Not `Math.max`: a NaN is as wrong as can be.
    if (!(off <= worst)) worst = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
  }
  return worst;
}

/** Whether a version answers here what it answered where it was trained. @returns what is wrong, in words; null: nothing */
export async function goldenFault(runtime: ModelRuntime, { manifest, folder }: VerifiedModel): Promise<string | null> {
  if (folder === undefined) return 'it has no golden.json';
  const file = join(folder, 'golden.json');
  try {
    if ((await stat(file)).size > MOST_BYTES) return 'its golden.json is too large';
    const golden = JSON.parse(await readFile(file, 'utf8')) as Golden;
    const tensors: Tensors = Object.fromEntries(Object.entries(golden.inputs).map(([name, packed]) => [name, unpacked(packed)]));
    const outputs = await runtime.infer({ model: manifest.name, version: manifest.version, tensors });
    for (const [name, packed] of Object.entries(golden.outputs)) {
      const worst = worstOf(outputs[name], unpacked(packed));
      if (worst > golden.tolerance) return `its answer to golden.json differs in ${name} by ${worst}, ${golden.tolerance} is allowed`;
    }
    return null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'it has no golden.json';
    return `its golden example cannot be run: ${error instanceof Error ? error.message : String(error)}`;
  }
}
