import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { sampleApp } from '../../test/support/sample-app.ts';
import type { OutsideSignIn } from '../contracts/identity.ts';
import { INSPECTION_EXAMPLE } from '../contracts/inspections.ts';
import type { App } from '../platform/http/app.ts';
import { createLifecycle, type Lifecycle } from '../platform/lifecycle.ts';
import { createLog } from '../platform/telemetry/log.ts';
import { createMetrics, type Metrics } from '../platform/telemetry/metrics.ts';
import { gateway, type Part, probes } from './index.ts';

interface Parts {
  app: App;
  lifecycle: Lifecycle;
  metrics: Metrics;
  database: { up: boolean };
  model: Part & { fault?: Error };
  warned: unknown[][];
}

async function platform(
  t: TestContext,
  options: { dashboardDir?: string; outsideSignIn?: OutsideSignIn; metricsEnabled?: boolean; held?: Promise<void> } = {},
): Promise<Parts> {
  const metrics = createMetrics();
  const lifecycle = createLifecycle({ drainDelayMs: 0, shutdownTimeoutMs: 100, log: createLog({ level: 'silent', service: 'test' }) });
  const database = { up: true };
  const model: Part & { fault?: Error } = { status: 'ok' };
  const warned: unknown[][] = [];
  const app = await sampleApp({ metrics, lifecycle }, { health: false });
  const ping = async () => {
    if (!database.up) throw new Error('no answer');
  };
  await probes({
    lifecycle,
    log: { warn: (...words: unknown[]) => void warned.push(words) },
    ping,
    parts: {
      model: () => {
        if (model.fault) throw model.fault;
        return model;
      },
    },
    version: '1.0.0',
    figures: metrics.render,
    metricsEnabled: options.metricsEnabled ?? true,
  }).routes?.(app);
  const { dashboardDir = '/nowhere', outsideSignIn = null } = options;
  await (await gateway({ dashboardDir, outsideSignIn })).routes?.(app);
  app.get('/v1/held', { config: { permission: 'none' } }, async () => options.held?.then(() => ({})));
  await app.ready();
  t.after(() => app.close());
  return { app, lifecycle, metrics, database, model, warned };
}
const status = async (app: App, url: string) => (await app.inject({ url })).statusCode;

test('readiness follows the database and the drain, and nothing else; liveness follows nothing', async (t) => {
  const { app, lifecycle, database, model, warned } = await platform(t);
  assert.deepEqual(
    [await status(app, '/health/startup'), await status(app, '/health/ready'), await status(app, '/health/live')],
    [503, 503, 200],
  );
  lifecycle.serving();
  assert.deepEqual(
    [await status(app, '/health/startup'), await status(app, '/health/ready'), await status(app, '/health')],
    [200, 200, 200],
  );
  model.status = 'degraded';
  const degraded = await app.inject({ url: '/health' });
  assert.equal(degraded.statusCode, 200);
  assert.equal(degraded.json().status, 'degraded');
  assert.equal(await status(app, '/health/ready'), 200);
  model.fault = new Error('connect ECONNREFUSED 10.0.0.7:5432');
  for (let time = 0; time < 3; time += 1)
    assert.deepEqual((await app.inject({ url: '/health' })).json().parts.model, {
      status: 'degraded',
      detail: 'It could not be looked at; the log says why',
    });
  assert.deepEqual(
    warned.map(([fields]) => String((fields as { err: unknown }).err)),
    ['Error: connect ECONNREFUSED 10.0.0.7:5432'],
    'the raw words are for the log, once while they last',
  );
  database.up = false;
  await new Promise((resolve) => setTimeout(resolve, 550));
  const away = await app.inject({ url: '/health/ready' });
  assert.equal(away.statusCode, 503);
  assert.equal(away.json().reason, 'database_unavailable');
  assert.equal((await app.inject({ url: '/health' })).json().parts.database.status, 'unavailable');
  assert.equal(await status(app, '/health/live'), 200);
  database.up = true;
  const drained = lifecycle.drain();
  assert.equal((await app.inject({ url: '/health/ready' })).json().reason, 'draining');
  await drained;
});

test('every metric of the ADR is there from the start, at zero, and counts what happens', async (t) => {
  const { app, metrics } = await platform(t);
  const scrape = async () => (await app.inject({ url: '/metrics' })).body;
  const before = await scrape();
  for (const line of [
    'http_requests_total{method="POST",status="201",handler="/v1/inspections"} 0',
    'fastapi_inprogress{method="POST",handler="/v1/inspections"} 0',
    'inspections_total{inspection_type="visual",status="pending",station_id="other"} 0',
    'ml_inference_duration_seconds_bucket{le="0.1",model_name="pcb-pair-synth",batch_size="1"} 0',
    'ml_inference_duration_seconds_bucket{le="0.025",model_name="pcb-pair-synth",batch_size="1"} 0',
    'active_inspections_count{inspection_type="thermal"} 0',
  ])
    assert.ok(before.includes(line), `${line}\n${before.slice(0, 3000)}`);
  for (const bound of ['0.1', '0.5', '1', '2', '5', '10'])
    assert.ok(before.includes(`ml_inference_duration_seconds_bucket{le="${bound}",`), bound);
  metrics.knownStations(['AOI-1']);
  metrics.inspection('visual', 'pending', 'AOI-1');
  metrics.inspection('visual', 'pending', 'made-up');
  await app.inject({ url: '/v1/inspections' });
  await app.inject({ url: '/v1/nothing-here' });
  await app.inject({ url: '/health' });
  const after = await scrape();
  assert.ok(after.includes('inspections_total{inspection_type="visual",status="pending",station_id="AOI-1"} 1'));
  assert.ok(after.includes('inspections_total{inspection_type="visual",status="pending",station_id="other"} 1'));
  assert.ok(!after.includes('made-up'));
  assert.ok(after.includes('http_requests_total{method="GET",status="401",handler="/v1/inspections"} 1'));
  assert.ok(after.includes('http_request_duration_seconds_count{method="GET",handler="/v1/inspections"} 1'));
  assert.ok(!after.includes('nothing-here') && !after.includes('handler="/health') && !after.includes('handler="/metrics'));
});

test('a request counts as in progress until it is answered', async (t) => {
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const { app } = await platform(t, { held });
  const inProgress = async () =>
    /fastapi_inprogress\{method="GET",handler="\/v1\/held"\} (\d+)/.exec((await app.inject({ url: '/metrics' })).body)?.[1];
  assert.equal(await inProgress(), '0');
  const answers = [app.inject({ url: '/v1/held' }), app.inject({ url: '/v1/held' })];
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await inProgress(), '2');
  letGo();
  await Promise.all(answers);
  assert.equal(await inProgress(), '0');
});

test('ENABLE_METRICS=false takes the address away', async (t) => {
  const { app } = await platform(t, { metricsEnabled: false });
  assert.equal(await status(app, '/metrics'), 404);
});

test('the document is OpenAPI 3.1, valid, and says scope, operation, errors and shapes of everything but the pages', async (t) => {
  const { app } = await platform(t);
  const response = await app.inject({ url: '/api/v1/openapi.json' });
  const document = response.json();
  const result = await new Validator().validate(structuredClone(document));
  assert.deepEqual(result.errors ?? [], []);
  assert.ok(result.valid);
  assert.match(document.openapi, /^3\.1\./);
  assert.equal(document.info.title, 'Chip Quality Manufacturing Platform');
  assert.equal(document.info.summary, 'Chip Quality Platform API: Manufacturing Quality Control System');
  assert.equal(document.info.version, '1.0.0');
  for (const words of [
    'Sub-100ms response times',
    'NVIDIA Triton integration',
    '50K+ requests per minute',
    'ERP and MES compatibility',
    '`/health`',
    '`/metrics`',
    '`/docs`',
  ])
    assert.ok(document.info.description.includes(words), words);
  assert.equal(document.info.license.name, 'MIT License');
  assert.equal(document.info.contact.name, 'Platform Engineering Team');
  assert.deepEqual(
    document.servers.map((server: { url: string }) => server.url),
    ['https://api.manufacturing.company.com', 'https://staging-api.manufacturing.company.com', 'http://localhost:8000'],
  );
  assert.deepEqual(
    document.tags.slice(0, 3).map((tag: { name: string }) => tag.name),
    ['inspections', 'inference', 'reports'],
  );
  const create = document.paths['/v1/inspections'].post;
  assert.deepEqual(create.security, [{ oauth2: ['inspections:write'] }]);
  assert.equal(create.operationId, 'postInspections');
  assert.equal(create.requestBody.content['application/json'].schema.$ref, '#/components/schemas/InspectionCreate');
  assert.equal(create.responses.default.content['application/problem+json'].schema.$ref, '#/components/schemas/Problem');
  assert.ok(document.components.schemas.Inspection.properties.lot_id);
  assert.deepEqual(document.components.schemas.InspectionCreate.examples, [INSPECTION_EXAMPLE]);
  assert.equal(document.paths['/v1/inspections/{id}/start'].post.requestBody.required ?? false, false);
  const paths = Object.keys(document.paths);
  assert.ok(
    paths.every((path) => path.startsWith('/v1/') || path.startsWith('/health')),
    paths.join(' '),
  );
  const ids = Object.values(document.paths).flatMap((path) =>
    Object.values(path as object).map((operation) => (operation as { operationId: string }).operationId),
  );
  assert.equal(new Set(ids).size, ids.length);
});

test('the readers of the document are served from here', async (t) => {
  const { app } = await platform(t);
  const docs = await app.inject({ url: '/docs' });
  assert.equal(docs.statusCode, 302);
  assert.equal(docs.headers.location, '/api/v1/docs');
  const ui = await app.inject({ url: '/api/v1/docs' });
  assert.equal(ui.statusCode, 200);
  assert.match(String(ui.headers['content-security-policy']), /script-src 'self';/);
  const start = (await app.inject({ url: '/api/v1/docs/static/swagger-initializer.js' })).body;
  for (const setting of [
    '"defaultModelsExpandDepth":2',
    '"defaultModelExpandDepth":2',
    '"displayRequestDuration":true',
    '/api/v1/openapi.json',
  ])
    assert.ok(start.includes(setting), setting);
  assert.equal(await status(app, '/api/v1/docs/static/swagger-ui-bundle.js'), 200);
  assert.equal(await status(app, '/api/v1/docs/static/none.js'), 404);
  const redoc = await app.inject({ url: '/api/v1/redoc' });
  assert.match(redoc.body, /spec-url="\/api\/v1\/openapi.json"/);
  assert.ok(!redoc.body.includes('http://') && !redoc.body.includes('https://'), 'nothing from outside');
  assert.ok((await app.inject({ url: '/api/v1/redoc/redoc.standalone.js' })).rawPayload.length > 500_000);
});

test('the dashboard: its addresses give the page, its files are kept, unknown ones are 404', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'dist-'));
  t.after(() => rmSync(dir, { recursive: true }));
  mkdirSync(join(dir, 'assets'));
  writeFileSync(join(dir, 'index.html'), '<!doctype html><title>wall</title>');
  writeFileSync(join(dir, 'assets', 'index-abc123.js'), 'export {}');
  const { app } = await platform(t, { dashboardDir: dir });
  for (const url of [
    '/',
    '/inspections',
    '/inspections/01a',
    '/units/PCB-1',
    `/units/${encodeURIComponent('/é'.repeat(50))}`,
    '/lots',
    '/lots/LOT-2025-001',
    '/review',
    '/models',
    '/models/pcb-pair-synth',
    '/callback?code=1',
  ]) {
    const page = await app.inject({ url });
    assert.equal(page.statusCode, 200, url);
    assert.match(page.body, /wall/);
    assert.match(String(page.headers['cache-control']), /no-cache/, url);
    assert.match(String(page.headers['content-security-policy']), /script-src 'self'/);
  }
  const asset = await app.inject({ url: '/assets/index-abc123.js' });
  assert.match(String(asset.headers['cache-control']), /immutable/);
  assert.match(String(asset.headers['content-type']), /javascript/);
  assert.equal(await status(app, '/assets/other.js'), 404);
  assert.equal(await status(app, '/nothing'), 404);
  const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
  for (const url of ['/nothing', '/lots.html', '/lots/a/b', '/assets/other.js']) {
    const page = await app.inject({ url, headers: browser });
    assert.equal(page.statusCode, 404, url);
    assert.match(String(page.headers['content-type']), /^text\/html/, url);
    assert.match(page.body, /wall/);
    assert.match(String(page.headers['content-security-policy']), /connect-src/, url);
  }
  for (const url of ['/v1/nothing', '/v2/nothing', '/api/nothing', '/v1'])
    assert.match(String((await app.inject({ url, headers: browser })).headers['content-type']), /json/, url);
  assert.match(String((await app.inject({ url: '/nothing' })).headers['content-type']), /json/);
  assert.equal((await app.inject({ method: 'POST', url: '/nothing', headers: browser })).statusCode, 404);
  assert.equal((await app.inject({ url: '/v1/held', method: 'POST', headers: browser })).statusCode, 405);
  assert.equal((await app.inject({ method: 'POST', url: '/review' })).statusCode, 405);
});

test('the page says where people sign in elsewhere, and lets the dashboard talk to that origin and no other', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'dist-'));
  t.after(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'index.html'), '<!doctype html><html><head><title>wall</title></head></html>');
  const outsideSignIn = { issuer: 'https://id.plant/realms/a&b', client_id: '"><script>$&', scope: 'openid', audience: {} };
  const { app } = await platform(t, { dashboardDir: dir, outsideSignIn });
  const page = await app.inject({ url: '/lots', headers: { 'if-none-match': '*' } });
  const content = /<head><meta name="sign-in" content="([^"<]*)"><title>/.exec(page.body)?.[1] ?? assert.fail(page.body);
  const read = content.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&amp;', '&');
  assert.deepEqual(JSON.parse(read), outsideSignIn);
  assert.deepEqual([page.statusCode, page.headers['cache-control']], [200, 'no-cache']);
  assert.match(String(page.headers['content-security-policy']), /connect-src 'self' ws: wss: https:\/\/id\.plant;/);
  const built = await platform(t, { dashboardDir: dir });
  const own = await built.app.inject({ url: '/lots' });
  assert.doesNotMatch(own.body, /sign-in/);
  assert.match(String(own.headers['content-security-policy']), /connect-src 'self' ws: wss:;/);
});

test('without a built dashboard the page says so in words', async (t) => {
  const { app } = await platform(t);
  const page = await app.inject({ url: '/' });
  assert.equal(page.statusCode, 503);
  assert.match(page.body, /npm run build/);
});
