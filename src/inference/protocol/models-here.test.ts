import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelsHere } from './models-here.ts';

const models = [
  { model: 'b', version: 10, classes: 6 },
  { model: 'b', version: 9, classes: 6 },
  { model: 'a', version: 1, classes: 6 },
];

test('an address without a version means the one in production of now; with one, that and no other spelling of it', async () => {
  let production: number | null = 9;
  const here = modelsHere({ runtime: () => null, models: () => models, productionOf: async () => production });
  assert.deepEqual(
    here.all().map(({ model, version }) => `${model}${version}`),
    ['a1', 'b9', 'b10'],
  );
  assert.equal((await here.find('b', undefined)).version, 9);
  production = 10;
  assert.equal((await here.find('b', undefined)).version, 10);
  assert.equal((await here.find('b', '9')).version, 9);
  for (const version of ['09', '9.0', '1e1', ' 9', '-9', '', '11', '99999999999'])
    await assert.rejects(here.find('b', version), { code: 'not_found' }, version);
  production = 11;
  await assert.rejects(here.find('b', undefined), { code: 'not_found', message: /that runs here/ });
  production = null;
  await assert.rejects(here.find('b', undefined), { code: 'not_found', message: /no version in production: name one/ });
  await assert.rejects(here.find('constructor', undefined), { code: 'not_found', message: /No model "constructor"/ });
  assert.throws(() => here.runtime(), { code: 'overloaded' });
});

test('probes, which anybody may send, do not ask the database each time', async () => {
  let asked = 0;
  const productionOf = async () => {
    asked += 1;
    return 9;
  };
  const here = modelsHere({ runtime: () => null, models: () => models, productionOf });
  for (let count = 0; count < 50; count += 1) assert.equal((await here.probe('b', undefined)).version, 9);
  await assert.rejects(here.probe('nobody', undefined), { code: 'not_found' });
  assert.ok(asked <= 2, `${asked} in half a second or a little more`);
});
