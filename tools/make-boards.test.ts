import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { decodePng } from '../src/simulator/boards/png.ts';

interface Pair {
  readonly id: string;
  readonly width: number;
  readonly template: string;
  readonly test: string;
  readonly boxes: { x1: number; y1: number; x2: number; y2: number; cls: number; name: string }[];
}

const tool = new URL('./make-boards.ts', import.meta.url).pathname;
const run = promisify(execFile);

test('one worker and two write the same files, with the class numbers and names of DeepPCB', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'boards-'));
  try {
    const names = [undefined, 'open', 'short', 'mousebite', 'spur', 'copper', 'pin-hole'];
    const write = async (out: string, workers: string): Promise<string> => {
      await run(process.execPath, [
        tool,
        '--out',
        join(folder, out),
        '--pairs',
        '5',
        '--seed',
        '3',
        '--size',
        '256',
        '--workers',
        workers,
        '--pairs-per-template',
        '2',
      ]);
      return readFile(join(folder, out, 'manifest.json'), 'utf8');
    };
    const [first, second] = await Promise.all([write('a', '1'), write('b', '2')]);
    assert.equal(first, second);
    const pairs = JSON.parse(first) as Pair[];
    assert.equal(pairs.length, 5);
    for (const pair of pairs) {
      assert.deepEqual(await readFile(join(folder, 'a', pair.test)), await readFile(join(folder, 'b', pair.test)));
      assert.equal((await decodePng(await readFile(join(folder, 'a', pair.template)))).width, 256);
      for (const box of pair.boxes) assert.equal(box.name, names[box.cls]);
    }
    assert.deepEqual(
      await readFile(join(folder, 'a', pairs[0]?.template ?? '')),
      await readFile(join(folder, 'a', pairs[1]?.template ?? '')),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('an unknown option is refused and help is not an error', async () => {
  const { stdout } = await run(process.execPath, [tool, '--help']);
  assert.match(stdout, /--pairs-per-template/);
  await assert.rejects(run(process.execPath, [tool, '--bogus']));
  await assert.rejects(run(process.execPath, [tool]));
});
