import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const skip = process.platform === 'linux' ? false : 'processor time is read from /proc';

test('the bench of growth runs whole in small, with a figure for each request at each size', { skip, timeout: 240_000 }, async () => {
  const args = [fileURLToPath(new URL('../growth.ts', import.meta.url)), '--rows', '2e3,2e4', '--rounds', '1', '--seconds', '0.1'];
  // It leaves with 1 when a ratio is over the limit, which in a tenth of a second it may be.
  const text = await new Promise<string>((resolve) => execFile(process.execPath, args, (_error, out, err) => resolve(out + err)));
  const line = text.split('\n').find((one) => one.startsWith('{"small"'));
  assert.ok(line, text);
  const { small, large, results } = JSON.parse(line) as { small: number; large: number; results: Record<string, number>[] };
  assert.deepEqual([small, large], [2000, 20000]);
  assert.ok(results.length >= 15);
  for (const one of results) assert.ok((one.small_us ?? 0) > 0 && (one.large_us ?? 0) > 0, JSON.stringify(one));
});
