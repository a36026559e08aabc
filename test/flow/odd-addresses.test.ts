import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openFloor, type Who } from '../support/floor.ts';

const floor = await openFloor({ after }, { disposition: false });
const MODEL = '/v1/models/pcb-pair-synth';
const cursor = (position: unknown) => `cursor=${Buffer.from(JSON.stringify(position)).toString('base64url')}`;
const DASHES = '-'.repeat(36);
const reason = 'as the test wants it';

test('U+0000 in an address is no record that is there', async () => {
  const asked: [Who, 'GET' | 'POST', string, object?][] = [
    ['engineer', 'GET', '/v1/models/%00/versions'],
    ['engineer', 'GET', '/v1/models/%00/versions/1'],
    ['engineer', 'POST', '/v1/models/%00/versions/1/stage', { stage: 'shadow', reason }],
    ['engineer', 'POST', '/v1/models/%00/rollback', { reason }],
    ['engineer', 'GET', '/v1/models/%00/recipes'],
    ['engineer', 'POST', '/v1/models/%00/recipes', { product: null, thresholds: {}, reason }],
    ['engineer', 'POST', '/v1/models/%00/recipes/simulate', { product: null, thresholds: {} }],
    ['engineer', 'GET', '/v1/models/%00/comparison'],
    ['engineer', 'GET', '/v1/models/%00/disagreements'],
    ['engineer', 'GET', '/v1/models/%00/quality'],
    ['engineer', 'GET', '/v1/models/%00/confusion'],
    ['engineer', 'GET', '/v1/models/%00/agreement'],
    ['engineer', 'GET', '/v1/models/%00/drift'],
    ['engineer', 'GET', '/v1/operations/%00'],
    ['manager', 'POST', '/v1/lots/%00/hold', { reason }],
    ['manager', 'POST', '/v1/lots/%00/release', { reason }],
  ];
  for (const [who, method, url, body] of asked) assert.equal((await floor.call(who, method, url, body)).status, 404, `${method} ${url}`);
});

test('what no column holds is refused in a query and in a cursor made by hand', async () => {
  for (const url of [
    '/v1/drift-alarms?model=%00',
    '/v1/drift-alarms?station=%00',
    '/v1/review-dataset?model=%00',
    '/v1/review-dataset?site=%00',
    `${MODEL}/drift?station=%00`,
    `${MODEL}/recipes?product=%00`,
    `${MODEL}/disagreements?version=2147483648`,
    `${MODEL}/disagreements?${cursor(DASHES)}`,
    `${MODEL}/recipes?${cursor(['\u0000', 1])}`,
    `${MODEL}/recipes?${cursor(['', 2 ** 40])}`,
    `${MODEL}/versions?${cursor(2 ** 40)}`,
    `/v1/models?${cursor('\u0000')}`,
    `/v1/policies?${cursor(['\u0000', 1])}`,
    `/v1/policies?${cursor(['standard', 2 ** 40])}`,
    `/v1/drift-alarms?${cursor([true, DASHES])}`,
    `/v1/review-queue?${cursor([0, 1, 0.5, DASHES])}`,
    `/v1/review-queue?${cursor([0, 2 ** 40, 0.5, '0193a000-0000-7000-8000-000000000000'])}`,
  ])
    assert.equal((await floor.call('engineer', 'GET', url)).status, 422, url);
});
