import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { amountOption, wholeOption } from './option-numbers.ts';

test('a number is read as it is written', () => {
  assert.equal(wholeOption('limit', '20'), 20);
  assert.equal(wholeOption('seed', '0', 0), 0);
  assert.equal(amountOption('seconds', '1.5'), 1.5);
  assert.equal(amountOption('share', '0', { least: 0, most: 1 }), 0);
});

test('what is no number ends a tool in words, with status 2 and before it does anything', () => {
  const run = (tool: string, ...args: string[]) =>
    spawnSync(process.execPath, [fileURLToPath(new URL(`../${tool}`, import.meta.url)), ...args], { encoding: 'utf8', timeout: 60_000 });
  for (const limit of ['abc', '-5', '0', '1.5', '1e2', '']) {
    const { status, stderr } = run('tools/evaluate.ts', '--data', 'nowhere', `--limit=${limit}`);
    assert.deepEqual([status, stderr], [2, `--limit ${limit}: give a whole number from 1 on\n`]);
  }
  for (const [tool, ...args] of [
    ['tools/good-boards.ts', '--simulated', 'many'],
    ['tools/make-boards.ts', '--out', 'nowhere', '--good-fraction', '2'],
    ['test/proof/kill.ts', '--rounds', 'x'],
    ['test/proof/workers.ts', '--seconds', '0'],
    ['test/proof/overload.ts', '--times', '2,,5'],
    ['bench/growth.ts', '--rows', 'many'],
    ['bench/peers/check-fairness.ts', '--rounds', 'x'],
    ['bench/micro/layers.ts', '--rounds', 'x'],
    ['bench/micro/group-write.ts', '--rounds', 'x'],
    ['bench/micro/audit-insert.ts', '--rounds', 'x'],
    ['bench/micro/profile.ts', '--form', 'x'],
    ['bench/micro/collector.ts', '--connections', 'x'],
    ['bench/load.ts', '--url', 'http://localhost:1', '--token-file', 'x', '--rate', '0'],
    ['test/run.ts', '--concurrency', 'x'],
  ] as const)
    assert.equal(run(tool, ...args).status, 2, tool);
});
