import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeTinyModel } from '../../../test/support/tiny-model.ts';
import { readRepository } from './repository.ts';

test('only a model whose bytes are those of its manifest is read; every other folder says why not', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-models-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { sha256 } = await writeTinyModel(folder, { name: 'good', version: 3 });
  await writeTinyModel(folder, { name: 'changed', sha256: '0'.repeat(64) });
  await writeTinyModel(folder, { name: 'renamed' });
  await writeFile(
    join(folder, 'renamed', '1', 'manifest.json'),
    JSON.stringify({ ...(await writeTinyModel(folder, { name: 'other' })), name: 'other' }),
  );
  await writeTinyModel(folder, { name: 'unsure', thresholds: { open: 0.5 } });
  await mkdir(join(folder, 'silent', '2'), { recursive: true });
  await mkdir(join(folder, 'empty'));
  const { models, refused } = await readRepository(folder);
  assert.deepEqual(
    models.map(({ manifest }) => [manifest.name, manifest.version, manifest.sha256]),
    [
      ['good', 3, sha256],
      ['other', 1, sha256],
    ],
  );
  const why = Object.fromEntries(refused.map(({ folder: name, reason }) => [name, reason]));
  assert.match(why['changed/1'] ?? '', /sha256/);
  assert.match(why['renamed/1'] ?? '', /names other/);
  assert.match(why['unsure/1'] ?? '', /no threshold for short/);
  assert.match(why['silent/2'] ?? '', /ENOENT.*manifest\.json/);
  assert.match(why.empty ?? '', /no folder of a version/);
});

test('a repository that is not there is a wrong setting, and named', async () => {
  const folder = join(tmpdir(), 'cqp-no-such-folder');
  await assert.rejects(readRepository(folder), {
    name: 'ModelsUnreadable',
    message: `MODELS_DIR=${JSON.stringify(folder)} cannot be read: there is no such folder`,
  });
});

test('each version lies in a folder with a manifest and a card of its own; one that names another number is refused', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-models-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeTinyModel(folder, { name: 'm', version: 1 });
  await writeTinyModel(folder, { name: 'm', version: 2, boxReach: 12 });
  await writeTinyModel(folder, { name: 'm', version: 10, boxReach: 13 });
  await writeTinyModel(folder, { name: 'm', version: 3, sha256: '0'.repeat(64) });
  const four = await writeTinyModel(folder, { name: 'm', version: 4 });
  await writeFile(join(folder, 'm', '4', 'manifest.json'), JSON.stringify({ ...four, version: 2 }));
  await writeTinyModel(folder, { name: 'apart', version: 7 });
  await writeFile(join(folder, 'm', '1', 'card.md'), '# of the first');
  await writeFile(join(folder, 'm', '2', 'card.md'), '# of the second');
  const { models, refused } = await readRepository(folder);
  assert.deepEqual(
    models.map(({ manifest, card }) => [manifest.name, manifest.version, card]),
    [
      ['apart', 7, null],
      ['m', 1, '# of the first'],
      ['m', 2, '# of the second'],
      ['m', 10, null],
    ],
  );
  assert.deepEqual(
    refused.map(({ folder: name }) => name),
    ['m/3', 'm/4'],
  );
});
