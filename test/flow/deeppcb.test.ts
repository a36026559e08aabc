import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startPlatform } from '../support/platform.ts';

const archive = fileURLToPath(new URL('../../../shared/data/deeppcb/deeppcb-dev.tar', import.meta.url));
const evaluate = fileURLToPath(new URL('../../tools/evaluate.ts', import.meta.url));
const run = promisify(execFile);

test('the shipped model, which has seen none of it, reaches official AP 0.75 on DeepPCB training pairs through the public API', {
  timeout: 200_000,
  skip: !existsSync(archive) && process.env.CI !== 'true' ? 'the DeepPCB training pairs are not beside this folder' : false,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-deeppcb-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await run('tar', ['-xf', archive, '-C', folder]);
  const platform = await startPlatform(t);
  const options = [
    '--data',
    join(folder, 'deeppcb-dev'),
    '--url',
    platform.url,
    '--credentials',
    join(platform.dataDir, 'demo-credentials.json'),
    '--limit',
    '100',
  ];
  const { stdout } = await run(process.execPath, [evaluate, ...options, '--detections', join(folder, 'found.ndjson')]);
  const figures = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, number>;
  t.diagnostic(JSON.stringify({ ...figures, groups: undefined }));
  assert.equal(figures.pairs, 100);
  assert.ok((figures.ap ?? 0) >= 0.75, `official AP is ${figures.ap}`);
  for (const name of ['ap', 'f1', 'map33', 'map50', 'escapes']) assert.ok((figures[name] ?? -1) >= 0 && (figures[name] ?? 2) <= 1, name);
});
