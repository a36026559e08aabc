import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { type RunningPlatform, startPlatform } from '../support/platform.ts';

interface Operation {
  operationId: string;
  security?: Record<string, string[]>[];
  parameters?: { in: string; name: string }[];
  responses: Record<string, { headers?: Record<string, object>; content?: Record<string, { schema: object }> }>;
}
interface Document {
  openapi: string;
  info: Record<string, unknown> & {
    title: string;
    summary: string;
    description: string;
    version: string;
    license: { name: string };
    contact: { name: string };
  };
  servers: { url: string }[];
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

/** A judge of live answers: finds the operation of a request in the document and holds status, type and body to what is written there. */
class LiveJudge {
  readonly #document: Document;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly seen = new Set<string>();

  constructor(document: Document) {
    this.#document = document;
    (formats as unknown as (ajv: Ajv2020) => void)(this.#ajv);
    this.#ajv.addSchema({ $id: 'openapi', ...document });
  }

  async judge(method: string, path: string, answer: Response): Promise<unknown> {
    const pathname = path.split('?')[0] ?? '';
    const template = Object.keys(this.#document.paths)
      .filter((known) => new RegExp(`^${known.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(pathname))
      .sort((one, other) => one.split('{').length - other.split('{').length)[0];
    assert.ok(template, `${path} is in the document`);
    const operation = this.#document.paths[template]?.[method.toLowerCase()];
    assert.ok(operation, `${method} ${template} is in the document`);
    const response = operation.responses[String(answer.status)] ?? operation.responses.default;
    assert.ok(response, `${method} ${template} answers ${answer.status}`);
    this.seen.add(`${method} ${template}`);
    if (answer.ok)
      assert.equal(answer.headers.has('etag'), response.headers?.ETag !== undefined, `${method} ${template}: whether it has an ETag`);
    if (answer.status === 304) return undefined;
    const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
    const content = response.content?.[type];
    assert.ok(content, `${method} ${template} answers ${answer.status} as ${type}`);
    if (type.endsWith('ndjson')) return answer.text();
    const body: unknown = type.endsWith('json') ? await answer.json() : await answer.text();
    if (!type.endsWith('json')) return body;
    const schema = JSON.parse(JSON.stringify(content.schema).replaceAll('"#/components/', '"openapi#/components/')) as object;
    const validate = this.#ajv.compile(schema);
    assert.ok(
      validate(body),
      `${method} ${path} (${answer.status}): ${this.#ajv.errorsText(validate.errors)}\n${JSON.stringify(body).slice(0, 600)}`,
    );
    return body;
  }
}

async function documentOf(platform: RunningPlatform): Promise<Document> {
  const answer = await fetch(`${platform.url}/api/v1/openapi.json`);
  assert.equal(answer.status, 200);
  return (await answer.json()) as Document;
}

test('the API is what its document says', { timeout: 120_000 }, async (t) => {
  const platform = await startPlatform(t, { demo: true });
  const document = await documentOf(platform);

  await t.test('the document is valid OpenAPI 3.1 and complete', async () => {
    assert.match(document.openapi, /^3\.1\./);
    const result = await new Validator().validate(structuredClone(document) as never);
    assert.ok(result.valid, JSON.stringify(result.errors)?.slice(0, 2000));
    for (const [path, methods] of Object.entries(document.paths))
      for (const [method, operation] of Object.entries(methods)) {
        const name = `${method} ${path}`;
        assert.ok(operation.operationId, `${name} has an operationId`);
        const form = path.startsWith('/v2') ? 'application/json' : 'application/problem+json';
        assert.ok(
          operation.responses.default?.content?.[form] || path.startsWith('/health') || path === '/metrics',
          `${name} documents its errors`,
        );
        const takes = new Set((operation.parameters ?? []).filter((one) => one.in === 'header').map((one) => one.name));
        if (method === 'post' && path.startsWith('/v1/') && !path.endsWith('/simulate'))
          assert.ok(takes.has('idempotency-key'), `${name} takes a key`);
        if (path.endsWith('/content') || path.endsWith('/template'))
          assert.ok(method !== 'get' || takes.has('range'), `${name} answers in ranges`);
        if (path.startsWith('/v1/')) assert.ok((operation.security ?? []).length > 0, `${name} says which token it asks for`);
      }
  });

  await t.test('it presents itself as the ADR asks', () => {
    assert.equal(document.info.title, 'Chip Quality Manufacturing Platform');
    assert.equal(document.info.summary, 'Chip Quality Platform API: Manufacturing Quality Control System');
    assert.equal(document.info.version, '1.0.0');
    for (const words of [
      'Sub-100ms response times',
      'NVIDIA Triton integration',
      '50K+ requests per minute',
      'ERP and MES compatibility',
      'All endpoints require OAuth2 JWT tokens with appropriate scopes',
      '/health',
      '/metrics',
      '/docs',
    ])
      assert.ok(document.info.description.includes(words), words);
    assert.ok(document.info.termsOfService);
    assert.equal(document.info.contact.name, 'Platform Engineering Team');
    assert.match(document.info.license.name, /MIT/);
    assert.deepEqual(
      document.servers.map((server) => server.url),
      ['https://api.manufacturing.company.com', 'https://staging-api.manufacturing.company.com', 'http://localhost:8000'],
    );
    const tags = new Map(document.tags.map((tag) => [tag.name, tag.description]));
    assert.equal(tags.get('inspections'), 'Manufacturing inspection lifecycle management');
    assert.equal(tags.get('inference'), 'AI-powered defect detection and classification');
    assert.equal(tags.get('reports'), 'Quality analytics and compliance reporting');
  });

  await t.test('the document pages are served from here and name no other host', async () => {
    const redirect = await fetch(`${platform.url}/docs`, { redirect: 'manual' });
    assert.ok([301, 302, 307, 308].includes(redirect.status));
    assert.match(redirect.headers.get('location') ?? '', /\/api\/v1\/docs/);
    for (const page of ['/api/v1/docs', '/api/v1/redoc']) {
      const answer = await fetch(platform.url + page);
      assert.equal(answer.status, 200);
      const html = await answer.text();
      const addresses = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((found) => found[1] ?? '');
      assert.ok(addresses.length > 0);
      for (const address of addresses) {
        assert.doesNotMatch(address, /^(https?:)?\/\//, `${page} loads ${address}`);
        const asset = await fetch(new URL(address, `${platform.url}${page.endsWith('docs') ? `${page}/` : page}`));
        assert.equal(asset.status, 200, `${page} needs ${address}`);
      }
    }
    const settings = await (await fetch(`${platform.url}/api/v1/docs/static/swagger-initializer.js`)).text();
    for (const setting of ['"defaultModelsExpandDepth":2', '"defaultModelExpandDepth":2', '"displayRequestDuration":true'])
      assert.ok(settings.includes(setting), setting);
  });

  await t.test('live answers are held to the document', async () => {
    const judge = new LiveJudge(document);
    const token = await platform.tokenOf('admin');
    const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
      const answer = await fetch(platform.url + path, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: answer.status, body: (await judge.judge(method, path, answer)) as never };
    };
    for (let seconds = 0; seconds < 80; seconds += 1) {
      const { body } = await call('GET', '/v1/inspections?verdict=fail&include=defects&inspection_type=visual');
      if ((body as { data: unknown[] }).data.length > 0) break;
      await pause(1000);
    }
    const failed = (
      (await call('GET', '/v1/inspections?verdict=fail&inspection_type=visual&include=defects,artifacts,measurements,inference')).body as {
        data: {
          id: string;
          chip_id: string;
          lot_id: string;
          site: string;
          defects: { id: string }[];
          artifacts: { id: string }[];
          inference: { model: string }[];
        }[];
      }
    ).data[0];
    assert.ok(failed, 'the demo line made a bad board');
    const lot = (await call('GET', `/v1/lots/${failed.lot_id}?site=${failed.site}`)).body as { product: string; revision: string };
    const reads = [
      '/health',
      '/health/live',
      '/health/ready',
      '/health/startup',
      '/v1/me',
      '/v1/sites',
      '/v1/stations',
      '/v1/policies',
      '/v1/models',
      '/v2',
      '/v2/health/live',
      '/v2/health/ready',
      '/v2/models/stats',
      '/v2/models/pcb-pair-synth',
      '/v2/models/pcb-pair-synth/ready',
      '/v2/models/pcb-pair-synth/stats',
      '/v2/models/pcb-pair-synth/versions/1',
      '/v2/models/pcb-pair-synth/versions/1/ready',
      '/v1/lots',
      '/v1/review-queue',
      '/v1/audit?limit=5',
      `/v1/models/${failed.inference[0]?.model}/versions`,
      `/v1/models/${failed.inference[0]?.model}/quality?by=station`,
      `/v1/models/${failed.inference[0]?.model}/confusion`,
      `/v1/models/${failed.inference[0]?.model}/drift`,
      '/v1/drift-alarms',
      '/v1/review-queue?kind=severity',
      `/v1/inspections/${failed.id}?include=defects,artifacts,inference`,
      `/v1/inspections/${failed.id}/defects`,
      `/v1/units/${failed.chip_id}`,
      `/v1/artifacts/${failed.artifacts[0]?.id}`,
      `/v1/products/${lot.product}/revisions`,
      `/v1/products/${lot.product}/revisions/${lot.revision}`,
    ];
    for (const path of reads) assert.equal((await call('GET', path)).status, 200, path);
    for (const path of [
      '/v1/inspections/nothing',
      `/v1/inspections/${crypto.randomUUID()}`,
      '/v1/artifacts/x',
      '/v1/operations/x',
      '/v1/lots/LOT-0000-000',
    ])
      assert.equal((await call('GET', path)).status, 404, path);
    assert.equal((await call('GET', '/v1/inspections?limit=1000')).status, 422);
    const made = await call('POST', '/v1/inspections', {
      lot_id: 'LOT-2031-001',
      chip_id: 'DOC-1',
      inspection_type: 'electrical',
      station_metadata: { station_id: 'ICT-HH-1' },
    });
    assert.equal(made.status, 201);
    const id = (made.body as { id: string }).id;
    assert.equal((await call('POST', '/v1/inspections', { lot_id: 'x' })).status, 422);
    assert.equal(
      (
        await call('POST', '/v1/inspections/batch', [
          { lot_id: 'LOT-2031-001', chip_id: 'DOC-2', inspection_type: 'thermal', station_metadata: { station_id: 'THM-HH-1' } },
        ])
      ).status,
      200,
    );
    assert.equal(
      (await call('POST', `/v1/inspections/${id}/measurements`, [{ characteristic: 'r', value: 1, unit: 'ohm', lsl: 0, usl: 2 }])).status,
      201,
    );
    assert.equal(
      (await call('POST', `/v1/inspections/${id}/cancel`, { reason: 'held to the document' }, { 'if-match': '"99"' })).status,
      412,
    );
    assert.equal(
      (await call('POST', `/v1/inspections/${id}/measurements`, [{ characteristic: 'r', value: 1, unit: 'ohm' }], { 'if-match': '"99"' }))
        .status,
      412,
    );
    const picture = `/v1/artifacts/${failed.artifacts[0]?.id}/content`;
    assert.equal((await call('GET', picture)).status, 200);
    assert.equal((await call('GET', picture, undefined, { range: 'bytes=0-9' })).status, 206);
    assert.equal((await call('GET', picture, undefined, { 'if-none-match': '*' })).status, 304);
    assert.equal((await call('GET', `/v1/inspections/${id}`, undefined, { 'if-none-match': '*' })).status, 304);
    assert.equal((await call('GET', `/v1/products/${lot.product}/revisions/${lot.revision}/template`)).status, 200);
    const lines =
      '{"lot_id":"LOT-2031-001","chip_id":"DOC-3","inspection_type":"electrical","station_metadata":{"station_id":"ICT-HH-1"}}\n';
    const batch = await fetch(`${platform.url}/v1/inspections/batch`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
      body: lines,
    });
    await judge.judge('POST', '/v1/inspections/batch', batch);
    assert.equal((await call('POST', `/v1/defects/${failed.defects[0]?.id}/review`, { decision: 'confirm' })).status, 200);
    assert.equal((await call('POST', `/v1/lots/LOT-2031-001/hold?site=hamburg`, { reason: 'held to the document' })).status, 200);
    assert.equal((await call('POST', `/v1/inspections/${failed.id}/infer`, {})).status, 202);
    const pair = { name: 'pair', datatype: 'UINT8', shape: [1, 2, 8, 8], data: Array(128).fill(0) };
    assert.equal((await call('POST', '/v2/models/pcb-pair-synth/infer', { id: 'a', inputs: [pair] })).status, 200);
    assert.equal((await call('POST', '/v2/models/pcb-pair-synth/infer', { inputs: [] })).status, 400);
    assert.equal((await call('POST', '/v2/repository/index', {})).status, 200);
    assert.equal((await call('POST', '/v2/repository/models/pcb-pair-synth/load', {})).status, 200);
    assert.equal((await call('POST', '/v2/repository/models/pcb-pair-synth/unload', {})).status, 409);
    t.diagnostic(`${judge.seen.size} operations were held to the document`);
    assert.ok(judge.seen.size >= 28);
  });
});
