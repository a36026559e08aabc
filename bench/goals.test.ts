import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CreateResult } from './create.ts';
import { GOALS, goalLines, ratiosOf } from './goals.ts';
import { type Run, summarise } from './rounds.ts';
import { createLines, explain } from './table.ts';

const run = (cpu_us: number, strangers = 0): Run => ({
  ...{ requests_s: 1000, p50: 1, p95: 2, p99: 3, postgres_cpu_us: 30, generator_cpu_us: 20, memory_mib: 100, utilisation: 0.9 },
  ...{ cpu_us, strangers },
});
const result: CreateResult = {
  rows: { ours: summarise([run(40), run(44), run(42, 0.2)], 0.05), fastapi_expert: summarise([run(300)], 0.05) },
  overOurs: { ours: 1, fastapi_expert: 7.14159, control: 0.7 },
  rounds: 1,
  repeated: 1,
  noisy: 1,
};

test('figures are medians, and noisy runs are counted', () => {
  assert.equal(result.rows.ours?.cpu_us, 42);
  assert.equal(result.rows.ours?.noisy, 1);
  assert.equal(result.rows.ours?.runs, 3);
});

test('a ratio has the name of the contract; what was left out has none and is said', () => {
  const ratios = ratiosOf(result);
  assert.deepEqual(ratios, { create_vs_control: 0.7, create_vs_fastapi_expert: 7.142 });
  const text = goalLines(ratios).join('\n');
  assert.match(text, /create_vs_control \| 0.7 \(missed\) \| 0.769/);
  assert.match(text, /create_vs_fastapi_expert \| 7.142 \(met\) \| 5.5/);
  assert.match(text, /create_vs_asyncpg \| left out/);
  assert.equal(text.split('\n').length, 2 + Object.keys(GOALS).length);
});

test('the table has a line a server; the explanation only what was measured', () => {
  assert.equal(createLines(result).length, 4);
  assert.deepEqual(explain({ ...result, rows: { ours: result.rows.ours as never } }), []);
});

test('without the kit that our peers are held to, nothing is called fair', () => {
  const program = fileURLToPath(new URL('peers/check-fairness.ts', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, '--kit', '/nowhere'], { encoding: 'utf8', timeout: 60_000 });
  assert.deepEqual([status, stdout], [3, '']);
  assert.match(stderr, /^not checked: there is no kit at \/nowhere\n$/);
});
