import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODEL_PY = fileURLToPath(new URL('./model.py', import.meta.url));

/** Of models without a configuration of their own. */
const PLAIN = `max_batch_size: 16
input [ { name: "pair" data_type: TYPE_UINT8 dims: [ 2, -1, -1 ] } ]
output [ { name: "heat" data_type: TYPE_FP32 dims: [ 6, -1, -1 ] }, { name: "ltrb" data_type: TYPE_FP32 dims: [ 4, -1, -1 ] } ]
instance_group [ { kind: KIND_CPU count: 1 } ]
dynamic_batching { max_queue_delay_microseconds: 1000 }
`;

/**
 * Copies a model repository for Triton's Python backend, which is the one that PyPI has: the same model.onnx and the same configuration but for the
 * name of the backend, and the file that runs the one inside the other.
 */
export async function writePythonRepository(models: string, into: string): Promise<void> {
  for (const entry of await readdir(models, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const [from, to] = [join(models, entry.name), join(into, entry.name)];
    const versions = (await readdir(from)).filter((name) => /^[1-9]\d*$/.test(name));
    const config = await readFile(join(from, 'config.pbtxt'), 'utf8').catch(
      () => `name: "${entry.name}"\nbackend: "onnxruntime"\n${PLAIN}`,
    );
    await mkdir(to, { recursive: true });
    await writeFile(join(to, 'config.pbtxt'), config.replace(/backend:\s*"onnxruntime"/, 'backend: "python"'));
    const labels = join(from, 'labels.txt');
    await copyFile(labels, join(to, 'labels.txt')).catch(() => undefined);
    for (const version of versions) {
      await mkdir(join(to, version), { recursive: true });
      await copyFile(join(from, version, 'model.onnx'), join(to, version, 'model.onnx'));
      await copyFile(MODEL_PY, join(to, version, 'model.py'));
    }
  }
}
