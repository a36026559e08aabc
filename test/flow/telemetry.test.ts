import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspectPair } from '../../tools/evaluation/front-door.ts';
import { drawBoard } from '../support/boards.ts';
import { startPlatform } from '../support/platform.ts';

test('a platform that judges boards writes nothing into the home or cache of its user: the model runtime reports to nobody', async (t) => {
  // ONNX Runtime 1.30 left to itself makes Microsoft/DeveloperTools/.onnxruntime/{deviceid,onnxruntime.db} in the cache on its first session.
  const home = await mkdtemp(join(tmpdir(), 'cqp-home-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const cache = join(home, '.cache');
  await mkdir(cache);
  const environment = { HOME: home, XDG_CACHE_HOME: cache, XDG_DATA_HOME: join(home, '.local'), ORT_DISABLE_TELEMETRY: '' };
  const platform = await startPlatform(t, { environment });
  const board = new Uint8Array(await drawBoard({ width: 128, height: 128 }));
  const pair = { lot: 'LOT-2026-077', chip: 'QUIET-1', reference: board, image: board, type: 'image/png' };
  const judged = await inspectPair(platform.station(), pair);
  assert.equal(judged.inference?.length, 1, `${judged.status}: ${judged.reason}`);
  await platform.stop();
  assert.deepEqual((await readdir(home, { recursive: true })).sort(), ['.cache']);
});
