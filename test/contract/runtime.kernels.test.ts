import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const qemu = process.env.TEST_QEMU;
const program = fileURLToPath(new URL('../support/kernels.ts', import.meta.url));
/** 4 * 255 * 127. Kernels of AVX2 without VNNI add two products in 16 bits, and end at 2 * 32767. */
const [RIGHT, SATURATED] = [129_540, 65_534];

/** Other processors take other kernels of ONNX Runtime; neither of these two has VNNI. */
for (const [processor, sum] of [
  ['Haswell', SATURATED],
  ['Nehalem', RIGHT],
] as const)
  test(`on a processor of the kind ${processor} every shipped version answers its golden.json`, {
    skip: !qemu && 'TEST_QEMU is not set (a qemu-x86_64)',
  }, async (t) => {
    const { stdout } = await promisify(execFile)(qemu as string, ['-cpu', processor, process.execPath, program], { timeout: 120_000 });
    const { sumOfProducts, worst } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
      sumOfProducts: number;
      worst: Record<string, number>;
    };
    t.diagnostic(JSON.stringify(worst));
    assert.equal(sumOfProducts, sum, 'these are the kernels that are meant');
    assert.ok(worst['pcb-pair-synth/2'] !== undefined);
    // A whole number that saturates, or is rounded otherwise, differs by more than 0.001 of a score; what stays is the last digit of the exponential.
    for (const [version, off] of Object.entries(worst)) assert.ok(off <= 1e-5, `${version} differs by ${off}`);
  });
