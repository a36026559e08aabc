/** Run by `test/contract/runtime.kernels.test.ts` on a processor that is not this one; ends with one JSON line. */
import { fileURLToPath } from 'node:url';
import { readGolden } from '../../src/inference/models/golden.ts';
import { readRepository } from '../../src/inference/models/repository.ts';

// ONNX Runtime reports to its maker unless it is told not to before it is loaded.
process.env.ORT_DISABLE_TELEMETRY = '1';
const ort = (await import('onnxruntime-node')).default;

/** What a processor makes of products that need more than 16 bits, two at a time: MatMulInteger of uint8 [1, 4] by int8 [4, 4], all 127 (ONNX, opset 13). */
const PRODUCTS =
  'CAgSADpkChgKAWEKAWISAXkiDU1hdE11bEludGVnZXISAWcqGwgECAQQA0IBYkoQf39/f39/f39/f39/f39/f1oTCgFhEg4KDAgCEggKAggBCgIIBGITCgF5Eg4KDAgGEggKAggBCgIIBEIECgAQDQ==';

async function sumOfProducts(): Promise<number> {
  const session = await ort.InferenceSession.create(Buffer.from(PRODUCTS, 'base64'));
  const { y } = await session.run({ a: new ort.Tensor('uint8', new Uint8Array(4).fill(255), [1, 4]) });
  return Number(y?.data[0]);
}

/** Largest difference from the known answer of each version, as its golden.json counts it. */
async function differences(): Promise<Record<string, number>> {
  const worst: Record<string, number> = {};
  const { models } = await readRepository(fileURLToPath(new URL('../../models', import.meta.url)));
  for (const { manifest, bytes, folder } of models) {
    const golden = await readGolden(folder ?? '');
    if (golden === null) throw new Error(`${manifest.name} ${manifest.version} has no golden.json`);
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    const feeds = Object.entries(golden.inputs()).map(([name, { type, data, dims }]) => [
      name,
      new ort.Tensor(type, data as Uint8Array, [...dims]),
    ]);
    const answers = await session.run(Object.fromEntries(feeds));
    const off = Object.entries(golden.outputs).flatMap(([name, { data }]) => {
      const got = answers[name]?.data ?? [];
      return [...data].map((want, at) => Math.abs(Number(got[at]) - want) / Math.max(Math.abs(want), 1));
    });
    worst[`${manifest.name}/${manifest.version}`] = Math.max(...off);
  }
  return worst;
}

console.log(JSON.stringify({ sumOfProducts: await sumOfProducts(), worst: await differences() }));
