import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BODY, KNOWN_ID, sampleApp, TOKEN } from '../../../test/support/sample-app.ts';
import type { Problem } from '../../contracts/problems.ts';

test('U+0000 in an address reaches no handler: in a path it names nothing, in a query it is no value', async (t) => {
  const app = await sampleApp();
  let reached = 0;
  app.addHook('preHandler', async () => void reached++);
  t.after(() => app.close());
  for (const url of [`/v1/inspections/${KNOWN_ID}%00`, '/v1/inspections/a%00b?limit=%00'])
    assert.equal((await app.inject({ url, headers: TOKEN })).statusCode, 404, url);
  for (const [query, field] of [
    ['verdict=pa%00ss', 'query -> verdict'],
    ['limit=5&verdict=pass&verdict=%00', 'query -> verdict'],
    ['ver%00dict=pass', 'query -> verdict'],
  ]) {
    const answer = await app.inject({ url: `/v1/inspections?${query}`, headers: TOKEN });
    assert.equal(answer.statusCode, 422, query);
    assert.equal((answer.json() as Problem).error.details[0]?.field, field);
  }
  assert.equal(reached, 0);
  assert.equal((await app.inject({ url: '/v1/inspections?limit=5', headers: TOKEN })).statusCode, 200);
  assert.equal(reached, 1);
});

test('a parameter that nobody declared is refused where a route takes no query at all', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  const fieldsOf = async (method: 'GET' | 'POST', url: string) => {
    const answer = await app.inject({ method, url, headers: TOKEN, ...(method === 'POST' ? { payload: BODY } : {}) });
    assert.equal(answer.statusCode, 422, url);
    return (answer.json() as Problem).error.details.map(({ field, constraint }) => `${field}: ${constraint}`);
  };
  assert.deepEqual(await fieldsOf('POST', '/v1/inspections?priority=9'), ['query -> priority: additionalProperties']);
  assert.deepEqual(await fieldsOf('GET', `/v1/inspections/${KNOWN_ID}?a=1&b`), [
    'query -> a: additionalProperties',
    'query -> b: additionalProperties',
  ]);
  assert.equal((await app.inject({ method: 'POST', url: '/v1/inspections?', headers: TOKEN, payload: BODY })).statusCode, 201);
  assert.equal((await app.inject({ url: '/health?probe=1' })).statusCode, 200, 'probes are no part of the API');
});
