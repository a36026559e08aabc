import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ConfigError, loadConfig, tritonAddress } from './config.ts';
import { DEFAULT_LOT_ID_PATTERN } from './contracts/lot-id.ts';
import { createApp } from './platform/http/app.ts';

const faultsOf = (environment: Record<string, string>): readonly string[] => {
  try {
    loadConfig({}, environment);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.faults;
  }
};

test('an empty environment is the embedded default', () => {
  const config = loadConfig({}, {}, '/plant');
  assert.equal(config.databaseUrl, null);
  assert.equal(config.dataDir, '/plant/.data');
  assert.equal(config.PORT, 8000);
  assert.equal(config.INPUT_TIMEOUT, 15 * 60_000);
  assert.deepEqual(config.services, ['gateway', 'inspection', 'inference', 'reports']);
  assert.ok(Object.isFrozen(config));
});

test('the address of the database is made of the five variables of the ADR', () => {
  const environment = { DB_USER: 'qc', DB_PASSWORD: 'a/b@c', DB_HOST: 'db.plant', DB_PORT: '5433', DB_NAME: 'quality' };
  assert.equal(loadConfig({}, environment).databaseUrl, 'postgresql://qc:a%2Fb%40c@db.plant:5433/quality');
  assert.match(faultsOf({ DB_USER: 'qc' })[0] ?? '', /without DB_HOST/);
  assert.match(faultsOf({ DB_HOST: 'db' })[0] ?? '', /needs DB_USER and DB_NAME/);
  assert.equal(loadConfig({}, { ...environment, DB_HOST: 'fd00::7' }).databaseUrl, 'postgresql://qc:a%2Fb%40c@[fd00::7]:5433/quality');
  assert.match(faultsOf({ ...environment, DB_HOST: 'db plant' })[0] ?? '', /^DB_HOST="db plant" is no host name/);
  for (const url of ['postgresql://db:port/x', 'postgresql://db:99999/x', 'postgresql://a b/x'])
    assert.deepEqual(
      faultsOf({ DATABASE_URL: url, DATABASE_READ_URL: url }),
      ['DATABASE_READ_URL is not a URL', 'DATABASE_URL is not a URL'].toReversed(),
    );
});

test('every fault is named at once, and a secret is not shown', () => {
  const faults = faultsOf({
    PORT: '99999',
    INPUT_TIMEOUT: 'soon',
    BODY_LIMIT: '1 MB',
    CQP_DEMO: 'maybe',
    CQP_SERVICES: 'gateway,kitchen',
    DATABASE_URL: 'mysql://u:geheim@h/d',
  });
  for (const name of ['PORT', 'INPUT_TIMEOUT', 'BODY_LIMIT', 'CQP_DEMO', 'kitchen', 'DATABASE_URL'])
    assert.ok(
      faults.some((fault) => fault.includes(name)),
      name,
    );
  assert.ok(!faults.join().includes('geheim'));
});

test('a number is whole, unless a part of one means something', () => {
  assert.throws(() => loadConfig({ workers: '1.5' }, {}), /CQP_WORKERS="1.5" is not a whole number/);
  const wrong = { DB_POOL_SIZE: '20.5', PORT: '8000.5', INFERENCE_WORKERS: '1e1', RATE_LIMIT: '9'.repeat(40) };
  assert.deepEqual(
    faultsOf(wrong).map((fault) => fault.split('=')[0]),
    ['PORT', 'DB_POOL_SIZE', 'RATE_LIMIT', 'INFERENCE_WORKERS'],
  );
  const config = loadConfig({}, { REVIEW_AUDIT_SHARE: '0.5', STORAGE_MIN_FREE: '2.5' });
  assert.deepEqual([config.REVIEW_AUDIT_SHARE, config.STORAGE_MIN_FREE], [0.5, 2.5]);
});

test('the pool has the size that the ADR gives it', () => {
  const config = loadConfig({}, {});
  assert.deepEqual([config.DB_POOL_SIZE, config.DB_MAX_OVERFLOW, config.DB_POOL_RECYCLE / 1000], [20, 30, 3600]);
});

test('proxies are those that Fastify can read, and the others are named', async () => {
  const good = '10.1.2.3, ::1, 10.0.0.0/8, 10.0.0.0/255.0.0.0, fd00::/8, loopback, linklocal, uniquelocal';
  const { TRUST_PROXY } = loadConfig({}, { TRUST_PROXY: good });
  assert.equal(TRUST_PROXY.length, 8);
  await (await createApp({ trustProxy: TRUST_PROXY })).close();
  for (const wrong of ['garbage', 'true', '10.0.0.0/33', '10.0.0.0/0', 'fd00::/129', '10.0.0.0/8/8', 'localhost']) {
    assert.match(faultsOf({ TRUST_PROXY: `loopback,${wrong}` })[0] ?? '', /^TRUST_PROXY names/, wrong);
    await assert.rejects(createApp({ trustProxy: [wrong] }), /./, `${wrong} would fail later`);
  }
});

test('lot patterns are read as people write them', () => {
  assert.equal(loadConfig({}, {}).lotIdPattern.source, DEFAULT_LOT_ID_PATTERN, 'only this one asks for its prefix by name');
  for (const pattern of ['^LOT-[A-Z0-9-]+$', '^LOT\\-\\d+$', '^B\\d{6}$'])
    assert.equal(loadConfig({}, { LOT_ID_PATTERN: pattern }).lotIdPattern.source, pattern);
  assert.match(faultsOf({ LOT_ID_PATTERN: 'LOT-(' })[0] ?? '', /LOT_ID_PATTERN/);
});

test('durations and sizes are read with their units', () => {
  const config = loadConfig(
    {},
    { INPUT_TIMEOUT: '90', REQUEST_TIMEOUT: '1.5s', UPLOAD_TIMEOUT: '2m', BODY_LIMIT: '2MiB', UPLOAD_LIMIT: '4096' },
  );
  assert.deepEqual(
    [config.INPUT_TIMEOUT, config.REQUEST_TIMEOUT, config.UPLOAD_TIMEOUT, config.BODY_LIMIT, config.UPLOAD_LIMIT],
    [90_000, 1500, 120_000, 2 * 2 ** 20, 4096],
  );
});

test('a duration that a timer waits for has an end, and so has any other', () => {
  for (const name of ['INFERENCE_TIMEOUT', 'UPLOAD_TIMEOUT', 'SHUTDOWN_TIMEOUT', 'DRAIN_DELAY', 'CANARY_WATCH', 'DB_STATEMENT_TIMEOUT'])
    assert.deepEqual(faultsOf({ [name]: '25d' }), [`${name}="25d" is longer than 10d`]);
  assert.deepEqual(faultsOf({ INPUT_TIMEOUT: '30d', RETENTION_MEASUREMENTS: '3650d', ROLLBACK_PAUSE: '60d', SHUTDOWN_TIMEOUT: '10d' }), []);
  for (const name of ['INPUT_TIMEOUT', 'RETENTION_MEASUREMENTS', 'ROLLBACK_PAUSE'])
    assert.deepEqual(faultsOf({ [name]: '999999999d' }), [`${name}="999999999d" is longer than 20000d`], 'there is no such date');
  assert.deepEqual(faultsOf({ UPLOAD_LIMIT: '2048GiB' }), ['UPLOAD_LIMIT="2048GiB" is above 100GiB'], 'its size is a time as well');
  assert.deepEqual(faultsOf({ TOKEN_LIFETIME: '3h', DB_CONNECT_TIMEOUT: '20ms', PORT: '70000' }), [
    'PORT="70000" is above 65535',
    'DB_CONNECT_TIMEOUT="20ms" is below 100ms',
    'TOKEN_LIFETIME="3h" is above 1h',
  ]);
});

test('what is no origin, no issuer, no list and no kind of environment is named', () => {
  for (const given of [
    { PUBLIC_URL: 'localhost:8000' },
    { PUBLIC_URL: 'http://h/p?q#f' },
    { PUBLIC_URL: 'javascript:1' },
    { CORS_ORIGINS: 'https://quality.example/' },
    { CORS_ORIGINS: 'quality.example' },
    { CORS_ORIGINS: 'https://Quality.example' },
    { CORS_ORIGINS: 'https://quality.example:443' },
    { OIDC_ISSUER: 'javascript:1' },
    { OIDC_ISSUER: 'https://id.example/realm?tenant=1' },
    { OIDC_ISSUER: 'https://user:word@id.example/realm' },
    { OIDC_CLIENT_ID: 'quality-dashboard' },
    { OIDC_SCOPE: 'profile', OIDC_ISSUER: 'https://id.example' },
    { OIDC_SCOPE: 'openid  profile', OIDC_ISSUER: 'https://id.example' },
    { OIDC_AUDIENCE_PARAMETER: 'scope', OIDC_ISSUER: 'https://id.example' },
    { OIDC_AUDIENCE_PARAMETER: 'resource', OIDC_ISSUER: 'https://id.example' },
    { OIDC_AUDIENCE_PARAMETER: 'resource', OIDC_ISSUER: 'https://id.example', OIDC_AUDIENCE: 'urn:plant#quality' },
    { KAFKA_BROKERS: ',' },
    { ALLOWED_HOSTS: ',' },
    { CORS_ORIGINS: ' , ' },
    { TRUST_PROXY: ',' },
    { CQP_SERVICES: ',' },
    { NODE_ENV: 'prod' },
    { NODE_ENV: 'Production' },
  ]) {
    const [name] = Object.keys(given) as [string];
    const faults = faultsOf(given as Record<string, string>);
    assert.ok(faults.length === 1 && faults[0]?.startsWith(name) && !faults[0].includes('word@'), `${JSON.stringify(given)}: ${faults}`);
  }
});

test('production refuses embedded defaults and made-up secrets unless they are wanted', () => {
  const faults = faultsOf({ NODE_ENV: 'production' });
  assert.ok(faults.some((fault) => fault.includes('DATABASE_URL')) && faults.some((fault) => fault.includes('IDENTITY_SECRET')));
  assert.deepEqual(faultsOf({ NODE_ENV: 'production', CQP_EMBEDDED: 'allow' }), []);
  assert.deepEqual(faultsOf({ NODE_ENV: 'production', DATABASE_URL: 'postgresql://db/quality', OIDC_ISSUER: 'https://id.plant' }), []);
});

test('what this version does not use yet stops the start instead of being ignored', () => {
  assert.match(faultsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' })[0] ?? '', /does not use it yet/);
});

test('Redis is a redis:// or rediss:// address, and its password is in no fault', () => {
  for (const good of ['redis://cache:6379', 'rediss://limits:pa55@cache.plant:6380/0', 'redis://[::1]'])
    assert.equal(loadConfig({}, { REDIS_URL: good }).REDIS_URL, good);
  for (const wrong of ['cache:6379', 'http://cache', 'redis://', 'redis:///0', 'redis://:pa55@ho st'])
    assert.deepEqual(faultsOf({ REDIS_URL: wrong }), ['REDIS_URL is not redis://host:port or rediss://host:port'], wrong);
});

test('files lie in the data directory, or in a bucket whose settings are whole', () => {
  assert.equal(loadConfig({}, {}).s3, null);
  const keys = { S3_ACCESS_KEY_ID: 'AKIAX', S3_SECRET_ACCESS_KEY: 'geheim' };
  assert.deepEqual(loadConfig({}, { S3_ENDPOINT: 'http://store:9000', S3_BUCKET: 'files', ...keys }).s3, {
    endpoint: 'http://store:9000',
    bucket: 'files',
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIAX', secretAccessKey: 'geheim' },
  });
  const amazon = { endpoint: null, bucket: 'files', region: 'eu-central-1', credentials: null };
  assert.deepEqual(loadConfig({}, { S3_BUCKET: 'files', S3_REGION: 'eu-central-1' }).s3, amazon);
  assert.match(faultsOf({ S3_ENDPOINT: 'http://store:9000' })[0] ?? '', /without S3_BUCKET/);
  assert.match(faultsOf(keys)[0] ?? '', /without S3_BUCKET/);
  const faults = faultsOf({ S3_ENDPOINT: 'ftp://ada:geheim@store', S3_BUCKET: 'a b', S3_SECRET_ACCESS_KEY: 'geheim', REDIS_URL: 'x:1' });
  for (const said of [/begin with http/, /holds a user or password/, /not the name of a bucket/, /together or not at all/, /REDIS_URL/])
    assert.ok(
      faults.some((fault) => said.test(fault)),
      String(said),
    );
  assert.equal(faults.length, 5);
  assert.ok(!faults.join().includes('geheim'));
});

test('an inference server is host:port, with the protocol before it or without', () => {
  for (const good of ['triton', 'triton:8001', 'grpc://[::1]:8001', 'http://triton:8000'])
    assert.equal(loadConfig({}, { TRITON_URL: good }).TRITON_URL, good);
  for (const wrong of ['https://triton', 'http://triton/v2', 'a b:1', 'triton:port', 'triton:70000', 'triton:0'])
    assert.match(faultsOf({ TRITON_URL: wrong })[0] ?? '', /^TRITON_URL=.* is not host:port/, wrong);
  assert.equal(faultsOf({ TRITON_URL: 'triton:70000', REDIS_URL: 'x:1' }).length, 2, 'told with the other faults');
  assert.deepEqual(loadConfig({}, { TRITON_URL: 'http://triton' }).triton, { protocol: 'http', target: 'triton:8000' });
  assert.equal(loadConfig({}, {}).triton, null);
});

test('an inference server without a scheme is gRPC, port 8001 when none is said; http:// is HTTP', () => {
  assert.deepEqual(tritonAddress('triton'), { protocol: 'grpc', target: 'triton:8001' });
  assert.deepEqual(tritonAddress('triton.plant:9001'), { protocol: 'grpc', target: 'triton.plant:9001' });
  assert.deepEqual(tritonAddress('grpc://[::1]:8001'), { protocol: 'grpc', target: '[::1]:8001' });
  assert.deepEqual(tritonAddress('http://triton/'), { protocol: 'http', target: 'triton:8000' });
  for (const bad of ['', 'https://a:1', 'a:0', 'a:70000', 'a b:1', 'http://a:1/v2', 'user@a:1', '::1'])
    assert.throws(() => tritonAddress(bad), /is not host:port/, bad);
});

test('a service elsewhere is a scheme and a host: a path before what is forwarded would be lost', () => {
  for (const good of ['http://inspection:8000', 'https://inspection.plant/', 'http://[::1]:8001'])
    assert.equal(loadConfig({}, { INSPECTION_URL: good }).INSPECTION_URL, good);
  for (const wrong of ['inspection:8000', 'ftp://inspection', 'http://inspection/v1', 'http://user@inspection', 'http://inspection?x=1'])
    assert.match(faultsOf({ INFERENCE_URL: wrong })[0] ?? '', /^INFERENCE_URL=.* is not (http|a URL)/, wrong);
  const one = { INSPECTION_URL: 'http://inspection:8000', CQP_SERVICES: 'inspection' };
  assert.deepEqual(faultsOf(one), [], 'one environment for all programs');
});

test('brokers are host:port, their names a prefix that a topic may have', () => {
  assert.deepEqual(loadConfig({}, { KAFKA_BROKERS: 'kafka-1.plant:9092, [::1]:9093' }).KAFKA_BROKERS, ['kafka-1.plant:9092', '[::1]:9093']);
  for (const wrong of ['kafka', 'http://kafka:9092', 'kafka:', 'a b:1', 'kafka:99999', 'kafka:0'])
    assert.match(faultsOf({ KAFKA_BROKERS: wrong })[0] ?? '', /not host:port/, wrong);
  assert.match(faultsOf({ KAFKA_TOPIC_PREFIX: 'plant/7' })[0] ?? '', /KAFKA_TOPIC_PREFIX/);
});

test('a replica needs a primary that is given too: the embedded server has none', () => {
  assert.throws(() => loadConfig({}, { DATABASE_READ_URL: 'postgresql://r/x' }), /DATABASE_READ_URL is set without DATABASE_URL/);
  assert.throws(
    () => loadConfig({}, { DATABASE_URL: 'postgresql://p/x', DATABASE_READ_URL: 'http://r' }),
    /does not begin with postgresql/,
  );
  const both = { DATABASE_URL: 'postgresql://p/x', DATABASE_READ_URL: 'postgresql://r/x' };
  assert.equal(loadConfig({}, both).DATABASE_READ_URL, both.DATABASE_READ_URL);
  assert.equal(loadConfig({}, both).REPLICA_MAX_LAG, 5000);
});

test('what a load makes in its first moments does not decide that it is made old ever after', {
  skip: process.platform !== 'linux',
}, () => {
  const program = fileURLToPath(new URL('../test/support/made-old.ts', import.meta.url));
  const cache = fileURLToPath(new URL('../node_modules/.cache/node', import.meta.url));
  const { MALLOC_ARENA_MAX: _done, NODE_OPTIONS: _own, ...environment } = process.env;
  const grown = (...node: string[]) =>
    Number(
      execFileSync(process.execPath, ['--min-semi-space-size=16', ...node, program], {
        env: { ...environment, NODE_COMPILE_CACHE: cache },
        timeout: 20_000,
      }),
    );
  assert.ok(grown() < 100_000);
  assert.ok(grown('--allocation-site-pretenuring') > 1_000_000, 'an option that is given is kept, and does what the start spares us');
});
