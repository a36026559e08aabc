import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InjectOptions } from 'fastify';
import { BODY, KNOWN_ID, sampleApp, TOKEN } from '../../../test/support/sample-app.ts';
import { Problem, ProblemDetail } from '../../contracts/problems.ts';
import { createApp } from './app.ts';
import { bodyChecker } from './validation.ts';

const fitsProblem = bodyChecker(Problem, [Problem, ProblemDetail]);
const json = { ...TOKEN, 'content-type': 'application/json' };
const tooLarge = JSON.stringify({ ...BODY, station_metadata: { x: 'y'.repeat(1_100_000) } });

/** Each row has every fault that is judged later as well: the first one must win. */
const ORDER: [string, InjectOptions, number, string][] = [
  ['unknown path before everything', { method: 'DELETE', url: '/nope', payload: tooLarge }, 404, 'not_found'],
  ['unknown path before the form', { method: 'POST', url: '/v1/nope', payload: '{', headers: json }, 404, 'not_found'],
  ['unknown path before the size', { method: 'POST', url: '/v1/nope', payload: tooLarge, headers: json }, 404, 'not_found'],
  ['undeclared method before the token', { method: 'DELETE', url: '/v1/inspections' }, 405, 'method_not_allowed'],
  ['undeclared method before the form', { method: 'PUT', url: '/v1/inspections', payload: '{', headers: json }, 405, 'method_not_allowed'],
  [
    'undeclared method before the depth',
    { method: 'DELETE', url: '/v1/inspections', payload: '['.repeat(100), headers: json },
    405,
    'method_not_allowed',
  ],
  [
    'no token before size, type and form',
    { method: 'POST', url: '/v1/inspections', payload: tooLarge, headers: { 'content-type': 'text/plain' } },
    401,
    'unauthorized',
  ],
  ['bad token', { method: 'POST', url: '/v1/inspections', payload: BODY, headers: { authorization: 'Bearer bad' } }, 401, 'unauthorized'],
  [
    'other scheme',
    { method: 'POST', url: '/v1/inspections', payload: BODY, headers: { authorization: 'Basic Z29vZA==' } },
    401,
    'unauthorized',
  ],
  [
    'a client where a person is asked for, before the size',
    { method: 'POST', url: '/v1/judgements', payload: tooLarge, headers: json },
    403,
    'person_required',
  ],
  ['missing scope before size', { method: 'POST', url: '/v1/lots/x/hold', payload: tooLarge, headers: json }, 403, 'forbidden'],
  [
    'size before type',
    { method: 'POST', url: '/v1/inspections', payload: tooLarge, headers: { ...TOKEN, 'content-type': 'text/plain' } },
    413,
    'payload_too_large',
  ],
  [
    'type before form',
    { method: 'POST', url: '/v1/inspections', payload: '{', headers: { ...TOKEN, 'content-type': 'text/plain' } },
    415,
    'unsupported_media_type',
  ],
  [
    'body without a type',
    { method: 'POST', url: '/v1/inspections', payload: Buffer.from('{}'), headers: { ...TOKEN } },
    415,
    'unsupported_media_type',
  ],
  [
    'compressed body',
    { method: 'POST', url: '/v1/inspections', payload: '{}', headers: { ...json, 'content-encoding': 'gzip' } },
    415,
    'unsupported_media_type',
  ],
  ['form before shape', { method: 'POST', url: '/v1/inspections', payload: '{"lot_id": 5', headers: json }, 400, 'malformed_json'],
  ['empty body', { method: 'POST', url: '/v1/inspections', payload: '', headers: json }, 400, 'malformed_json'],
  ['no body', { method: 'POST', url: '/v1/inspections', headers: { ...TOKEN } }, 422, 'validation_error'],
  [
    'shape before record',
    { method: 'POST', url: `/v1/inspections/${KNOWN_ID}/start`, payload: '{"x":1}', headers: json },
    422,
    'validation_error',
  ],
  ['bad query', { method: 'GET', url: '/v1/inspections?limit=0', headers: TOKEN }, 422, 'validation_error'],
  ['malformed id', { method: 'GET', url: '/v1/inspections/not-an-id', headers: TOKEN }, 404, 'not_found'],
  ['id with U+0000', { method: 'GET', url: '/v1/inspections/%00', headers: TOKEN }, 404, 'not_found'],
  ['id that is no text', { method: 'GET', url: '/v1/inspections/%zz', headers: TOKEN }, 404, 'not_found'],
  ['long id', { method: 'GET', url: `/v1/inspections/${'a'.repeat(1500)}`, headers: TOKEN }, 404, 'not_found'],
  [
    'version before state',
    { method: 'POST', url: `/v1/inspections/${KNOWN_ID}/start`, headers: { ...TOKEN, 'if-match': '"2"' } },
    412,
    'precondition_failed',
  ],
  [
    'state',
    { method: 'POST', url: `/v1/inspections/${KNOWN_ID}/start`, headers: { ...json, 'if-match': '"3"' }, payload: '' },
    409,
    'transition_not_allowed',
  ],
];

test('a request is judged in the order of the contract, and every refusal has the one body', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  for (const [name, request, status, code] of ORDER) {
    const response = await app.inject(request);
    assert.equal(response.statusCode, status, `${name}: ${response.body}`);
    assert.match(String(response.headers['content-type']), /^application\/problem\+json/, name);
    const problem = response.json() as Problem;
    assert.deepEqual(fitsProblem(problem), [], name);
    assert.equal(problem.error.code, code, name);
    assert.equal(problem.error.request_id, response.headers['x-request-id'], name);
    assert.match(problem.error.timestamp, /^\d{4}-\d\d-\d\dT.*Z$/);
  }
});

test('405 names what the path takes, 401 and 403 how to be let in', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  assert.equal((await app.inject({ method: 'PUT', url: '/v1/inspections' })).headers.allow, 'GET, HEAD, POST');
  assert.equal((await app.inject({ method: 'PUT', url: '/v1/inspections', payload: '{', headers: json })).headers.allow, 'GET, HEAD, POST');
  assert.equal((await app.inject({ method: 'TRACE' as 'GET', url: `/v1/inspections/${KNOWN_ID}` })).headers.allow, 'GET, HEAD');
  assert.equal((await app.inject({ url: '/v1/inspections' })).headers['www-authenticate'], 'Bearer');
  assert.equal(
    (await app.inject({ url: '/v1/inspections', headers: { authorization: 'Bearer x' } })).headers['www-authenticate'],
    'Bearer error="invalid_token"',
  );
  const forbidden = await app.inject({ method: 'POST', url: '/v1/lots/1/hold', headers: TOKEN });
  assert.match(String(forbidden.headers['www-authenticate']), /scope="lots:disposition"/);
  assert.match((forbidden.json() as Problem).detail, /lots:disposition/);
});

test('an unknown record, a malformed id and another one get the same answer but for request id and time', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  const bodies = await Promise.all(
    ['not-an-id', '01a20e9b-0d24-70ad-9bd0-be3ae9ebed46', 'x'.repeat(300)].map(async (id) => {
      const problem = (await app.inject({ url: `/v1/inspections/${id}`, headers: TOKEN })).json() as Problem;
      return { ...problem, error: { ...problem.error, request_id: '', timestamp: '' } };
    }),
  );
  assert.deepEqual(bodies[1], bodies[0]);
  assert.deepEqual(bodies[2], bodies[0]);
});

test('validation names field, constraint and a bounded, harmless value', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  const payload = {
    lot_id: 5,
    chip_id: 'c'.repeat(300),
    inspection_type: 'smell',
    priority: '5',
    password: 'hunter2',
    station_metadata: {},
  };
  const problem = (await app.inject({ method: 'POST', url: '/v1/inspections', headers: TOKEN, payload })).json() as Problem;
  const by = new Map(problem.error.details.map((detail) => [detail.field, detail]));
  assert.equal(problem.error.message, 'Request validation failed');
  assert.equal(by.get('body -> lot_id')?.constraint, 'type');
  assert.equal(by.get('body -> lot_id')?.invalid_value, 5);
  assert.equal(String(by.get('body -> chip_id')?.invalid_value).length, 100);
  assert.equal(by.get('body -> priority')?.invalid_value, '5', 'bodies are not coerced');
  const smiles = await app.inject({ method: 'POST', url: '/v1/inspections', headers: TOKEN, payload: { chip_id: '😀'.repeat(101) } });
  assert.doesNotMatch(smiles.body, /\\ud[89a-f]/i, 'no half of a character, which strict readers of JSON refuse');
  assert.equal(by.get('body -> password')?.constraint, 'additionalProperties');
  assert.ok(!JSON.stringify(problem).includes('hunter2'));
  const missing = (await app.inject({ method: 'POST', url: '/v1/inspections', headers: TOKEN, payload: {} })).json() as Problem;
  assert.deepEqual(missing.error.details.map((detail) => detail.field).sort(), [
    'body -> chip_id',
    'body -> inspection_type',
    'body -> lot_id',
  ]);
  const query = (await app.inject({ url: '/v1/inspections?limit=x&verdict=maybe&nope=1', headers: TOKEN })).json() as Problem;
  assert.deepEqual(query.error.details.map((detail) => detail.field).sort(), ['query -> limit', 'query -> nope', 'query -> verdict']);
  for (const loose of ['1e1', '0x10', '%205', '5.5', ''])
    assert.equal(
      (await app.inject({ url: `/v1/inspections?limit=${loose}`, headers: TOKEN })).statusCode,
      422,
      `limit=${loose} is no number in digits`,
    );
  assert.equal((await app.inject({ url: '/v1/inspections?limit=7', headers: TOKEN })).json().data[0].limit, 7, 'queries are');
});

test('a request id is taken over when it is sane, made when it is not, and always echoed; a trace is taken over', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const taken = await app.inject({
    method: 'POST',
    url: '/v1/inspections',
    payload: BODY,
    headers: { ...TOKEN, 'x-request-id': 'req-42', traceparent: `00-${trace}-00f067aa0ba902b7-01`, 'idempotency-key': 'k 1' },
  });
  assert.equal(taken.headers['x-request-id'], 'req-42');
  const cause = taken.json().cause;
  assert.equal(cause.requestId, 'req-42');
  assert.equal(cause.traceId, trace);
  assert.deepEqual(cause.actor, { subject: 'c-1', name: 'aoi-1', kind: 'client' });
  assert.equal(cause.idempotency.key, 'k 1');
  assert.match(cause.idempotency.requestHash, /^[0-9a-f]{64}$/);
  for (const bad of ['a b', 'x'.repeat(129), 'a"b'])
    assert.match(
      String((await app.inject({ url: '/health', headers: { 'x-request-id': bad } })).headers['x-request-id']),
      /^[0-9a-f-]{36}$/,
    );
});

test('the same bytes to the same address have the same hash, others another', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  const hash = async (payload: object, url = '/v1/inspections') =>
    (await app.inject({ method: 'POST', url, payload, headers: { ...TOKEN, 'idempotency-key': 'k' } })).json().cause.idempotency
      .requestHash;
  assert.equal(await hash(BODY), await hash(BODY));
  assert.notEqual(await hash(BODY), await hash({ ...BODY, priority: 6 }));
  assert.notEqual(await hash(BODY), await hash(BODY, '/v1/inspection%73'));
  const long = await app.inject({
    method: 'POST',
    url: '/v1/inspections',
    payload: BODY,
    headers: { ...TOKEN, 'idempotency-key': 'k'.repeat(256) },
  });
  assert.equal(long.statusCode, 422);
  assert.equal((long.json() as Problem).error.details[0]?.field, 'header -> idempotency-key');
});

test('a replay is sent again as it was: status, location, version and bytes', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  const response = await app.inject({ method: 'POST', url: '/v1/inspections/again/start', headers: TOKEN });
  assert.equal(response.statusCode, 201);
  assert.equal(response.headers.location, '/v1/inspections/again');
  assert.equal(response.headers.etag, '"3"');
  assert.equal(response.body, '{"first":true,"version":3}');
});

test('an unexpected error says nothing but how to get help', async (t) => {
  const lines: string[] = [];
  const { createLog } = await import('../telemetry/log.ts');
  const app = await sampleApp({
    log: createLog({ level: 'info', service: 'test', destination: { write: (line) => void lines.push(line) } }),
  });
  t.after(() => app.close());
  const response = await app.inject({ url: '/v1/boom', headers: { ...TOKEN, 'x-request-id': 'r-9' } });
  const problem = response.json() as Problem;
  assert.equal(response.statusCode, 500);
  assert.equal(problem.error.message, 'An unexpected error occurred');
  assert.equal(problem.error.support_info, 'Contact support with request_id for assistance');
  assert.ok(!response.body.includes('hunter2'));
  await app.inject({ method: 'POST', url: '/v1/inspections', headers: TOKEN, payload: { lot_id: 1, secret: 'hunter3' } });
  const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const error = logged.find((line) => line.msg === 'internal_server_error');
  assert.equal(error?.level, 'error');
  for (const name of ['path', 'method', 'request_id', 'error', 'traceback', 'client_ip']) assert.ok(error?.[name], name);
  const warning = logged.find((line) => line.msg === 'validation_error');
  assert.equal(warning?.level, 'warn');
  for (const name of ['path', 'method', 'errors', 'client_ip']) assert.ok(warning?.[name], name);
  const request = logged.find((line) => line.msg === 'request' && line.route === '/v1/boom');
  assert.equal(request?.status, 500);
  assert.equal(request?.caller, 'aoi-1');
  assert.ok(!lines.join('').includes('Bearer') && !lines.join('').includes('hunter3'));
});

test('a route that asks for no permission fails the start', async () => {
  const app = await createApp();
  app.get('/v1/open', async () => ({}));
  await assert.rejects(async () => void (await app.ready()), /\/v1\/open/);
});
