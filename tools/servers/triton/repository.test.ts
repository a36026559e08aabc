import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parsePbtxt, type TextMessage } from './pbtxt.ts';
import { writePythonRepository } from './repository.ts';

// ONNX Runtime reports to its maker unless it is told not to before it is loaded.
process.env.ORT_DISABLE_TELEMETRY = '1';
const { InferenceSession } = (await import('onnxruntime-node')).default;

const MODELS = fileURLToPath(new URL('../../../models', import.meta.url));
const folders = (await readdir(MODELS, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
const versionsOf = async (folder: string) => (await readdir(folder)).filter((name) => /^[1-9]\d*$/.test(name)).map(Number);
const TYPES: Record<string, string> = { TYPE_UINT8: 'uint8', TYPE_FP32: 'float32' };
/** With one instance any of these lets the batcher sleep 500 ms at a time (triton-inference-server/server issue 8870). */
const STALLING = /priority|max_queue_size|queue_policy|default_timeout|allow_timeout/;

test('text form of protobuf: messages with and without colon, lists, repeated fields, strings, comments', () => {
  assert.deepEqual(parsePbtxt('a: 1 # one\nb { c: "x\\"y" d: [ 1, -2.5 ] }\nb: { e: TYPE_X, f: true }\ng []'), {
    a: 1,
    b: [
      { c: 'x"y', d: [1, -2.5] },
      { e: 'TYPE_X', f: true },
    ],
    g: [],
  });
  for (const broken of ['a {', 'a: [1', '}', 'a: "x', 'a: ?']) assert.throws(() => parsePbtxt(broken), /config\.pbtxt/, broken);
});

for (const name of folders) {
  const folder = join(MODELS, name);

  test(`${name}: Triton's configuration says what the ONNX files hold, and names versions that are there`, async () => {
    const text = await readFile(join(folder, 'config.pbtxt'), 'utf8');
    const config = parsePbtxt(text);
    const versions = await versionsOf(folder);
    assert.equal(config.name, name);
    assert.equal(config.backend, 'onnxruntime');
    assert.ok(Number(config.max_batch_size) >= 1);
    assert.ok(config.dynamic_batching, 'runs that come together are one batch');
    assert.doesNotMatch(text.replaceAll(/#.*/g, ''), STALLING);
    assert.ok(([config.model_warmup].flat()[0] as TextMessage | undefined)?.inputs, 'the first board finds a warm model');
    const policy = (config.version_policy as { specific?: { versions: number[] } } | undefined)?.specific?.versions;
    for (const version of policy ?? []) assert.ok(versions.includes(version), `version ${version} is not there`);
    for (const version of versions) {
      assert.ok(policy === undefined || policy.includes(version), `version ${version} is not served`);
      const { classes } = JSON.parse(await readFile(join(folder, String(version), 'manifest.json'), 'utf8')) as { classes: string[] };
      const session = await InferenceSession.create(await readFile(join(folder, String(version), 'model.onnx')));
      assert.ok(existsSync(join(folder, String(version), 'golden.json')), `version ${version} has no golden.json`);
      for (const [said, held] of [
        [[config.input].flat(), session.inputMetadata],
        [[config.output].flat(), session.outputMetadata],
      ] as [TextMessage[], typeof session.inputMetadata][]) {
        assert.deepEqual(said.map((one) => one.name).sort(), held.map((one) => one.name).sort());
        for (const tensor of held) {
          const one = said.find((candidate) => candidate.name === tensor.name) as {
            data_type: string;
            dims: number[];
            label_filename?: string;
          };
          assert.ok(tensor.isTensor);
          assert.equal(TYPES[one.data_type], tensor.type);
          // Triton counts without the batch; an axis that the file leaves open is -1.
          assert.deepEqual(
            one.dims,
            tensor.shape.slice(1).map((axis) => (typeof axis === 'number' ? axis : -1)),
          );
          if (one.label_filename) assert.deepEqual((await readFile(join(folder, one.label_filename), 'utf8')).trim().split('\n'), classes);
        }
      }
      await session.release();
    }
  });
}

test('the copy for the Python backend is the same but for the backend', async (t) => {
  const into = await mkdtemp(join(tmpdir(), 'cqp-python-models-'));
  t.after(() => rm(into, { recursive: true, force: true }));
  await writePythonRepository(MODELS, into);
  for (const name of folders) {
    const [ours, copy] = await Promise.all(
      [MODELS, into].map(async (root) => parsePbtxt(await readFile(join(root, name, 'config.pbtxt'), 'utf8'))),
    );
    assert.deepEqual({ ...copy, backend: 'onnxruntime' }, ours);
    assert.equal(copy?.backend, 'python');
    for (const version of await versionsOf(join(MODELS, name))) {
      const [one, other] = await Promise.all([MODELS, into].map((root) => readFile(join(root, name, String(version), 'model.onnx'))));
      assert.ok(one?.equals(other as Buffer));
      assert.ok(existsSync(join(into, name, String(version), 'model.py')));
    }
  }
});
