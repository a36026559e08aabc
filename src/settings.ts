export type Kind = 'text' | 'secret' | 'url' | 'number' | 'duration' | 'bytes' | 'boolean' | 'list';

interface Setting {
  readonly kind: Kind;
  /** As it would be written in the environment; `null`: not set. */
  readonly fallback: string | null;
  readonly what: string;
  readonly oneOf?: readonly string[];
  readonly min?: number;
  readonly max?: number;
}

/** Every environment variable, once. `docs/settings.md` is made from this table (`tools/settings-doc.ts`). Limits are in milliseconds and bytes. */
export const SETTINGS = {
  HOST: { kind: 'text', fallback: 'localhost', what: 'Address to listen on; 0.0.0.0 in a container' },
  PORT: { kind: 'number', fallback: '8000', min: 0, max: 65535, what: 'Port to listen on; 0 takes a free one' },
  PUBLIC_URL: {
    kind: 'url',
    fallback: null,
    what: 'Address that users and stations see, when a proxy stands before; the issuer of the built-in provider',
  },
  CQP_SERVICES: {
    kind: 'list',
    fallback: '',
    what: 'Which services this process runs: gateway, inspection, inference, reports; all when empty',
  },
  CQP_WORKERS: {
    kind: 'number',
    fallback: '1',
    min: 0,
    max: 256,
    what: 'Processes behind the port, as --workers; 0 or auto is one a core. Limits and connections are those of the whole program',
  },
  CQP_DATA_DIR: { kind: 'text', fallback: '.data', what: 'Folder of the embedded database, pictures and secrets' },
  CQP_DEMO: {
    kind: 'text',
    fallback: 'on',
    oneOf: ['on', 'off'],
    what: 'The simulated line on an embedded data directory; off makes the accounts and no inspections',
  },
  CQP_DEMO_RATE: {
    kind: 'number',
    fallback: '40',
    min: 1,
    max: 600,
    what: 'Visual boards a minute of the demo line in its first ten minutes',
  },
  CQP_EMBEDDED: { kind: 'text', fallback: 'auto', oneOf: ['auto', 'allow'], what: 'allow: embedded defaults are taken in production too' },
  CQP_PARENT: {
    kind: 'text',
    fallback: null,
    what: 'Process that started this one; when it is gone the platform leaves. Set by npm start',
  },
  NODE_ENV: { kind: 'text', fallback: 'development', what: 'production refuses embedded defaults and made-up secrets' },
  SERVICE_NAME: { kind: 'text', fallback: 'chip-quality-platform', what: 'Name in logs, metrics and events' },
  LOG_LEVEL: {
    kind: 'text',
    fallback: 'info',
    oneOf: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    what: 'Least level that is logged',
  },
  ENABLE_METRICS: { kind: 'boolean', fallback: 'true', what: 'Serves /metrics' },
  DATABASE_URL: { kind: 'secret', fallback: null, what: 'PostgreSQL 15 or newer; the embedded PostgreSQL 18 when left out' },
  DB_USER: { kind: 'text', fallback: null, what: 'Used with DB_HOST in place of DATABASE_URL' },
  DB_PASSWORD: { kind: 'secret', fallback: null, what: 'Used with DB_HOST in place of DATABASE_URL' },
  DB_HOST: { kind: 'text', fallback: null, what: 'Used in place of DATABASE_URL' },
  DB_PORT: { kind: 'number', fallback: '5432', min: 1, max: 65535, what: 'Used with DB_HOST in place of DATABASE_URL' },
  DB_NAME: { kind: 'text', fallback: null, what: 'Used with DB_HOST in place of DATABASE_URL' },
  DB_POOL_SIZE: {
    kind: 'number',
    fallback: '20',
    min: 2,
    max: 500,
    what: 'Connections kept open, by all processes of the program together',
  },
  DB_MAX_OVERFLOW: { kind: 'number', fallback: '30', min: 0, max: 500, what: 'Connections opened beyond that under load' },
  DB_POOL_RECYCLE: { kind: 'duration', fallback: '1h', min: 1000, what: 'Age at which a connection is replaced' },
  DB_CONNECT_TIMEOUT: { kind: 'duration', fallback: '1800ms', min: 100, what: 'Wait for a connection before 503' },
  DB_STATEMENT_TIMEOUT: { kind: 'duration', fallback: '10s', min: 100, what: 'Longest statement' },
  DATABASE_READ_URL: { kind: 'secret', fallback: null, what: 'Streaming replica of DATABASE_URL, for lists and exports' },
  DB_READ_TIMEOUT: { kind: 'duration', fallback: '5s', min: 100, what: 'Longest statement on the replica' },
  REPLICA_MAX_LAG: {
    kind: 'duration',
    fallback: '5s',
    min: 100,
    what: 'A replica that is further behind is not read: the primary answers',
  },
  RETENTION_MEASUREMENTS: {
    kind: 'duration',
    fallback: null,
    min: 2_678_400_000,
    what: 'Age after which whole months of measured values go, but for lots that are held and inspections not settled; kept for ever when left out',
  },
  KAFKA_BROKERS: {
    kind: 'list',
    fallback: null,
    what: 'Kafka, host:port of some brokers; the bus is the outbox in PostgreSQL when left out',
  },
  KAFKA_REPLICATION: {
    kind: 'number',
    fallback: null,
    min: 1,
    max: 9,
    what: 'Copies of each topic that has to be made (from 3 on, two must have a write); what the brokers do by default when left out',
  },
  KAFKA_TOPIC_PREFIX: {
    kind: 'text',
    fallback: '',
    what: 'Before the names of topics and groups, where several platforms share a cluster',
  },
  TRITON_URL: { kind: 'text', fallback: null, what: 'NVIDIA Triton (not used yet: models run inside)' },
  REDIS_URL: { kind: 'secret', fallback: null, what: 'Redis (not used yet)' },
  S3_ENDPOINT: { kind: 'url', fallback: null, what: 'S3 (not used yet: files on disk)' },
  OTEL_EXPORTER_OTLP_ENDPOINT: { kind: 'url', fallback: null, what: 'Traces (not used yet)' },
  OIDC_ISSUER: { kind: 'url', fallback: null, what: 'Outside OpenID provider in place of the built-in one' },
  OIDC_AUDIENCE: { kind: 'text', fallback: 'chip-quality-platform', what: 'Audience that an access token must name' },
  OIDC_JWKS_URL: { kind: 'url', fallback: null, what: 'Keys of the outside provider; found by discovery when left out' },
  IDENTITY_SECRET: {
    kind: 'secret',
    fallback: null,
    what: 'Encrypts the signing keys of the built-in provider; a file in the data directory when left out',
  },
  TOKEN_LIFETIME: {
    kind: 'duration',
    fallback: '15m',
    min: 60_000,
    max: 3_600_000,
    what: 'Life of an access token of the built-in provider',
  },
  CORS_ORIGINS: { kind: 'list', fallback: 'https://quality-dashboard.company.com', what: 'Origins of pages that may call the API' },
  ALLOWED_HOSTS: { kind: 'list', fallback: 'localhost,127.0.0.1,[::1]', what: 'Host names that are answered; * answers all' },
  TRUST_PROXY: { kind: 'list', fallback: '', what: 'Addresses of proxies whose X-Forwarded headers count' },
  RATE_LIMIT: { kind: 'number', fallback: '1000', min: 1, what: 'Requests a second of one client' },
  FAILED_TOKEN_LIMIT: { kind: 'number', fallback: '1000', min: 1, what: 'Failed tokens a minute from one address' },
  REQUEST_TIMEOUT: { kind: 'duration', fallback: '20s', min: 1000, what: 'Time for a request to arrive; uploads have their own' },
  HEADERS_TIMEOUT: { kind: 'duration', fallback: '10s', min: 1000, what: 'Time for the headers to arrive' },
  UPLOAD_TIMEOUT: { kind: 'duration', fallback: '2m', min: 1000, what: 'Time for an upload to arrive' },
  KEEP_ALIVE_TIMEOUT: { kind: 'duration', fallback: '65s', min: 1000, what: 'Idle connections are closed after this' },
  DRAIN_DELAY: {
    kind: 'duration',
    fallback: '0s',
    min: 0,
    what: 'Time between not ready and closing, for a balancer to notice; 10s behind one',
  },
  SHUTDOWN_TIMEOUT: { kind: 'duration', fallback: '20s', min: 1000, what: 'Longest graceful stop' },
  BODY_LIMIT: { kind: 'bytes', fallback: '1MiB', min: 1024, what: 'Largest JSON body' },
  BATCH_LIMIT: { kind: 'bytes', fallback: '16MiB', min: 1024, what: 'Largest batch body' },
  UPLOAD_LIMIT: { kind: 'bytes', fallback: '64MiB', min: 1024, what: 'Largest uploaded file' },
  STORAGE_MIN_FREE: { kind: 'number', fallback: '5', min: 0, max: 100, what: 'Percent of the disk below which uploads are refused' },
  DEMO_PICTURE_QUOTA: { kind: 'bytes', fallback: '1GiB', min: 1024, what: 'Bytes of demo pictures that are kept' },
  LOT_ID_PATTERN: { kind: 'text', fallback: '^LOT-\\d{4}-\\d{3}$', what: 'Lot identifiers, unless a site has its own pattern' },
  INPUT_TIMEOUT: {
    kind: 'duration',
    fallback: '15m',
    min: 1000,
    what: 'An inspection whose inputs do not come waits for a person after this',
  },
  REVIEW_AUDIT_SHARE: {
    kind: 'number',
    fallback: '0.02',
    min: 0,
    max: 1,
    what: 'Share of the boards passed by a model that a person looks at all the same, drawn at random: escapes cannot be known without',
  },
  REVIEW_AUDIT_SEED: { kind: 'text', fallback: '1', what: 'Seed of that draw: with it, the draw can be done again' },
  REVIEW_SEVERITY_FROM: {
    kind: 'text',
    fallback: 'critical',
    oneOf: ['critical', 'off'],
    what: 'From which severity on a person confirms what a model failed a board by',
  },
  DRIFT_BASELINE_BOARDS: {
    kind: 'number',
    fallback: '200',
    min: 100,
    max: 500,
    what: 'Boards of a station that its drift is measured against',
  },
  MODELS_DIR: { kind: 'text', fallback: 'models', what: 'Model repository' },
  INFERENCE_WORKERS: {
    kind: 'number',
    fallback: '1',
    min: 1,
    max: 64,
    what: 'Threads that run a model, one session each; of the whole program',
  },
  INFERENCE_TIMEOUT: { kind: 'duration', fallback: '30s', min: 100, what: 'Longest run of a model' },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;
