import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startPlatform } from '../support/platform.ts';

const python = process.env.TEST_KSERVE_PYTHON;
const root = fileURLToPath(new URL('../..', import.meta.url));
const MODEL = 'pcb-pair-synth';
/** In production on a new database. */
const VERSION = '2';

interface Refusal {
  status: string;
  message: string;
}
interface Said {
  tritonclient: string;
  live: boolean;
  ready: boolean;
  model_ready: boolean[];
  server: { name: string; extensions: string[] };
  model: { name: string; versions: string[]; inputs: object[]; outputs: object[] };
  index: { name: string; version: string; state: string }[];
  unload: Refusal;
  answered: object;
  tolerance: number;
  worst: Record<string, number>;
  json_differs: Record<string, number>;
  unnamed: string[];
  batch_differs: number;
  parallel_differs: number;
  refused: Record<string, Refusal | null>;
  stats: { version: string; inference_count: number };
}

test("NVIDIA's tritonclient uses the platform as a KServe server and gets the golden outputs", {
  skip: !python && 'TEST_KSERVE_PYTHON is not set',
}, async (t) => {
  const platform = await startPlatform(t);
  for (const end = Date.now() + 30_000; Date.now() < end; await pause(100)) if ((await fetch(`${platform.url}/v2/health/ready`)).ok) break;
  const { stdout } = await promisify(execFile)(
    python as string,
    [
      `${root}tools/servers/kserve/client.py`,
      new URL(platform.url).host,
      await platform.tokenOf('admin'),
      MODEL,
      VERSION,
      `${root}models/${MODEL}/${VERSION}/golden.json`,
    ],
    { timeout: 120_000 },
  );
  const said = JSON.parse(stdout) as Said;
  t.diagnostic(`tritonclient ${said.tritonclient}: worst ${JSON.stringify(said.worst)}`);
  assert.deepEqual([said.live, said.ready, said.model_ready], [true, true, [true, true, false]]);
  assert.ok(said.server.extensions.includes('binary_tensor_data'));
  assert.deepEqual([said.model.name, said.model.inputs.length, said.model.outputs.length], [MODEL, 1, 2]);
  assert.deepEqual(
    said.index.filter(({ name }) => name === MODEL).map(({ version, state }) => [version, state]),
    [
      ['1', 'READY'],
      [VERSION, 'READY'],
    ],
  );
  assert.deepEqual([said.unload.status, /registry decides/.test(said.unload.message)], ['409', true]);
  assert.deepEqual(said.answered, { id: 'golden-1', model_name: MODEL, model_version: VERSION });
  for (const [name, off] of Object.entries(said.worst)) assert.ok(off <= said.tolerance, `${name} differs by ${off}`);
  assert.deepEqual(Object.keys(said.worst), ['heat', 'ltrb']);
  assert.deepEqual([said.json_differs, said.batch_differs, said.parallel_differs], [{ heat: 0, ltrb: 0 }, 0, 0]);
  assert.deepEqual(said.unnamed, ['heat', 'ltrb']);
  const { shape, batch, version, output, late, token } = said.refused;
  assert.deepEqual(
    [shape, batch, version, output, late, token].map((refusal) => refusal?.status),
    ['400', '400', '404', '400', '504', '401'],
  );
  assert.match(shape?.message ?? '', /inputs -> 0 -> shape/);
  assert.deepEqual([said.stats.version, said.stats.inference_count >= 14], [VERSION, true]);
});
