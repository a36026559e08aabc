import { isIP, isIPv4, isIPv6 } from 'node:net';
import { availableParallelism } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { type Kind, SETTINGS, type Setting, type SettingName } from './settings.ts';

/** All faults of the environment at once: a start that fails should fail once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(`${faults.length} setting${faults.length === 1 ? ' is' : 's are'} wrong:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.faults = faults;
  }
}

const SERVICES = ['gateway', 'inspection', 'inference', 'reports'] as const;
export type Service = (typeof SERVICES)[number];

type Value<K extends Kind> = K extends 'number' | 'decimal' | 'duration' | 'bytes'
  ? number
  : K extends 'boolean'
    ? boolean
    : K extends 'list'
      ? readonly string[]
      : string;
type Defined<N extends SettingName> = (typeof SETTINGS)[N] extends { fallback: null }
  ? Value<(typeof SETTINGS)[N]['kind']> | null
  : Value<(typeof SETTINGS)[N]['kind']>;

/** Every setting by its environment name (durations in milliseconds, sizes in bytes), and what follows from them. Frozen. */
export type Config = Readonly<{ [N in SettingName]: Defined<N> }> & {
  readonly services: readonly Service[];
  /** Processes behind the port. */
  readonly workers: number;
  readonly dataDir: string;
  readonly production: boolean;
  /** `null` means the embedded PostgreSQL. */
  readonly databaseUrl: string | null;
  readonly lotIdPattern: RegExp;
  /** What TRITON_URL says. */
  readonly triton: TritonAddress | null;
  /** Where files are kept; `null` means the data directory. */
  readonly s3: S3Address | null;
};

export interface S3Address {
  /** Null: Amazon's own. */
  endpoint: string | null;
  bucket: string;
  region: string;
  /** Null: the SDK looks for them. */
  credentials: { accessKeyId: string; secretAccessKey: string } | null;
}

/** Where a Triton listens when nobody says: 8001 for gRPC, 8000 for HTTP. */
const TRITON_PORTS = { grpc: 8001, http: 8000 } as const;

export interface TritonAddress {
  protocol: keyof typeof TRITON_PORTS;
  /** `host:port` */
  target: string;
}

const isPort = (text: string | number | undefined): boolean => Number(text) >= 1 && Number(text) <= 65_535;

/** Networks that Fastify knows by name. */
const PROXY_NAMES = ['loopback', 'linklocal', 'uniquelocal'];

/** An address, a network (`10.0.0.0/8`, `10.0.0.0/255.0.0.0`) or a name, as Fastify reads them. */
function isProxy(text: string): boolean {
  const [address = '', range, ...more] = text.split('/');
  const family = isIP(address);
  if (range === undefined) return family !== 0 || PROXY_NAMES.includes(text);
  if (family === 0 || more.length > 0) return false;
  return /^\d{1,3}$/.test(range) ? Number(range) >= 1 && Number(range) <= (family === 4 ? 32 : 128) : family === 4 && isIPv4(range);
}

/** `host`, `host:port` and `grpc://host:port` mean gRPC, `http://host:port` HTTP with binary tensors. @throws Error in words */
export function tritonAddress(text: string): TritonAddress {
  const found = /^(?:(grpc|http):\/\/)?(\[[0-9a-f:.]+\]|[^\s:/[\]@?#]+)(?::(\d{1,5}))?\/?$/i.exec(text);
  const protocol = (found?.[1]?.toLowerCase() ?? 'grpc') as TritonAddress['protocol'];
  const port = found?.[3] ?? TRITON_PORTS[protocol];
  if (!found || !isPort(port)) throw new Error(`${JSON.stringify(text)} is not host:port, grpc://host:port or http://host:port`);
  return { protocol, target: `${found[2]}:${port}` };
}

/** Nothing but a scheme and a host: addresses are forwarded as they come, so that a path before them would be lost. */
function isOrigin(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
}

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/;
const MILLIS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/**
 * Days of a duration at most. What feeds a timer: above 24.8 days a timer of Node's ends at once, and two of them are added in places. What is only
 * compared with the age of a record: records have no times before 1970.
 */
export const MOST_DAYS = { waited: 10, compared: 20_000 } as const;
const mostDays = (setting: Setting): number => (setting.long ? MOST_DAYS.compared : MOST_DAYS.waited);
const SIZE = /^(\d+)(B|KiB|MiB|GiB)?$/;
const BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

function read(kind: Kind, text: string): unknown {
  switch (kind) {
    case 'number':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
    case 'decimal':
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
    case 'duration': {
      const found = DURATION.exec(text);
      return found ? Number(found[1]) * MILLIS[(found[2] ?? 's') as keyof typeof MILLIS] : undefined;
    }
    case 'bytes': {
      const found = SIZE.exec(text);
      return found ? Number(found[1]) * BYTES[(found[2] ?? 'B') as keyof typeof BYTES] : undefined;
    }
    case 'boolean':
      return /^(1|true|on|yes)$/i.test(text) ? true : /^(0|false|off|no)$/i.test(text) ? false : undefined;
    case 'list':
      return text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '');
    default:
      return text;
  }
}

/** A limit of a setting in the largest unit of which it is a whole number. */
function limitWords(kind: Kind, limit: number): string {
  const units = Object.entries(kind === 'duration' ? MILLIS : kind === 'bytes' ? BYTES : {});
  const [unit, size] = units.findLast(([, each]) => limit >= each && limit % each === 0) ?? ['', 1];
  return `${limit / size}${unit}`;
}

const FORM: Record<Kind, string> = {
  text: 'a text',
  secret: 'a text',
  url: 'a URL',
  number: 'a whole number',
  decimal: 'a number',
  duration: 'a duration such as 500ms, 20s, 15m (a bare number is seconds)',
  bytes: 'a size such as 1MiB',
  boolean: 'true or false',
  list: 'a comma-separated list',
};

/** What the command line says goes before the environment. */
export interface Over {
  services?: string | undefined;
  workers?: string | undefined;
}

function overridden(given: NodeJS.ProcessEnv, { services = given.CQP_SERVICES, workers = given.CQP_WORKERS }: Over): NodeJS.ProcessEnv {
  return { ...given, CQP_SERVICES: services, CQP_WORKERS: workers === 'auto' ? '0' : workers };
}

/** Reads and judges the environment; `over` goes before it (`--services`, `--workers`). Throws `ConfigError` with every fault. */
export function loadConfig(over: Over = {}, given: NodeJS.ProcessEnv = process.env, cwd = process.cwd()): Config {
  const environment = overridden(given, over);
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(SETTINGS)) {
    const said = environment[name];
    const text = said === undefined || said === '' ? setting.fallback : said;
    if (text === null) {
      values[name] = null;
      continue;
    }
    const value = read(setting.kind, text);
    const shown = setting.kind === 'secret' ? '(secret)' : JSON.stringify(said);
    if (value === undefined) faults.push(`${name}=${shown} is not ${FORM[setting.kind]}`);
    else if (setting.kind === 'url' && !URL.canParse(String(value))) faults.push(`${name}=${shown} is not a URL`);
    else if ('oneOf' in setting && !(setting.oneOf as readonly string[]).includes(String(value)))
      faults.push(`${name}=${shown} is not one of ${setting.oneOf.join(', ')}`);
    else if ('min' in setting && Number(value) < setting.min)
      faults.push(`${name}=${shown} is below ${limitWords(setting.kind, setting.min)}`);
    else if ('max' in setting && Number(value) > setting.max)
      faults.push(`${name}=${shown} is above ${limitWords(setting.kind, setting.max)}`);
    else if (setting.kind === 'duration' && Number(value) > mostDays(setting) * MILLIS.d)
      faults.push(`${name}=${shown} is longer than ${mostDays(setting)}d`);
    else if (setting.kind === 'list' && said && (value as string[]).length === 0) faults.push(`${name}=${shown} is a list of nothing`);
    values[name] = value;
  }
  const raw = values as { [N in SettingName]: Defined<N> };
  const services = raw.CQP_SERVICES.length === 0 ? SERVICES : raw.CQP_SERVICES;
  for (const service of services)
    if (!(SERVICES as readonly string[]).includes(service))
      faults.push(`CQP_SERVICES names ${JSON.stringify(service)}; known are ${SERVICES.join(', ')}`);
  let lotIdPattern = /^$/;
  try {
    // Judged as `wholePattern` of src/contracts/lot-id.ts will read it: what the plain grammar takes is a pattern.
    lotIdPattern = new RegExp(raw.LOT_ID_PATTERN);
  } catch {
    faults.push(`LOT_ID_PATTERN=${JSON.stringify(raw.LOT_ID_PATTERN)} is not a regular expression`);
  }
  if (raw.REDIS_URL !== null && !(URL.canParse(raw.REDIS_URL) && /^rediss?:\/\/[^/]/.test(raw.REDIS_URL)))
    faults.push('REDIS_URL is not redis://host:port or rediss://host:port');
  if (raw.OTEL_EXPORTER_OTLP_ENDPOINT !== null)
    faults.push('OTEL_EXPORTER_OTLP_ENDPOINT is set, but this version does not use it yet: leave it out');
  let triton: TritonAddress | null = null;
  try {
    triton = raw.TRITON_URL === null ? null : tritonAddress(raw.TRITON_URL);
  } catch (error) {
    faults.push(`TRITON_URL=${(error as Error).message}`);
  }
  for (const proxy of raw.TRUST_PROXY)
    if (!isProxy(proxy))
      faults.push(`TRUST_PROXY names ${JSON.stringify(proxy)}, which is no address, no network and none of ${PROXY_NAMES.join(', ')}`);
  // A browser's Origin is compared letter by letter: no capitals, no port that goes without saying.
  for (const origin of raw.CORS_ORIGINS)
    if (!isOrigin(origin) || new URL(origin).origin !== origin)
      faults.push(`CORS_ORIGINS names ${JSON.stringify(origin)}, which is not http://host or https://host as a browser sends it`);
  for (const name of ['OIDC_ISSUER', 'OIDC_JWKS_URL'] as const) {
    if (raw[name] === null || !URL.canParse(raw[name])) continue;
    const { protocol, username, password } = new URL(raw[name]);
    if (username !== '' || password !== '') faults.push(`${name} holds a user or password: keys are fetched without`);
    else if (!/^https?:$/.test(protocol)) faults.push(`${name}=${JSON.stringify(raw[name])} does not begin with http:// or https://`);
    else if (name === 'OIDC_ISSUER' && /[?#]/.test(raw[name]))
      faults.push(`OIDC_ISSUER=${JSON.stringify(raw[name])} has a query or a fragment: an issuer has neither`);
  }
  for (const broker of raw.KAFKA_BROKERS ?? [])
    if (!isPort(/^(?:\[[0-9a-f:.]+\]|[^\s:/[\]]+):(\d{1,5})$/i.exec(broker)?.[1]))
      faults.push(`KAFKA_BROKERS names ${JSON.stringify(broker)}, which is not host:port`);
  if (!/^[A-Za-z0-9._-]{0,100}$/.test(raw.KAFKA_TOPIC_PREFIX))
    faults.push(
      `KAFKA_TOPIC_PREFIX=${JSON.stringify(raw.KAFKA_TOPIC_PREFIX)} is not at most 100 letters, digits, dots, dashes and underscores`,
    );
  for (const name of ['PUBLIC_URL', 'INSPECTION_URL', 'INFERENCE_URL'] as const)
    if (raw[name] !== null && !isOrigin(raw[name]))
      faults.push(`${name}=${JSON.stringify(raw[name])} is not http://host:port or https://host:port`);
  for (const name of ['OIDC_JWKS_URL', 'OIDC_CLIENT_ID', 'OIDC_SCOPE', 'OIDC_AUDIENCE_PARAMETER'] as const)
    if (environment[name] && raw.OIDC_ISSUER === null) faults.push(`${name} is set without OIDC_ISSUER`);
  if (!/^[!#-[\]-~]+( [!#-[\]-~]+)*$/.test(raw.OIDC_SCOPE) || !raw.OIDC_SCOPE.split(' ').includes('openid'))
    faults.push(`OIDC_SCOPE=${JSON.stringify(raw.OIDC_SCOPE)} is not a list of scopes separated by single spaces, openid among them`);
  if (raw.OIDC_AUDIENCE_PARAMETER === 'resource' && !/^[a-z][a-z0-9+.-]*:[^#]+$/i.test(raw.OIDC_AUDIENCE))
    faults.push('OIDC_AUDIENCE_PARAMETER=resource needs an absolute URI without a fragment in OIDC_AUDIENCE (RFC 8707)');
  const databaseUrl = databaseAddress(raw, faults);
  const s3 = s3Address(raw, faults);
  if (raw.DATABASE_READ_URL !== null) {
    judgeDatabaseUrl('DATABASE_READ_URL', raw.DATABASE_READ_URL, faults);
    if (databaseUrl === null) faults.push('DATABASE_READ_URL is set without DATABASE_URL: the embedded PostgreSQL has no replica');
  }
  const production = raw.NODE_ENV === 'production';
  if (production && raw.CQP_EMBEDDED !== 'allow') {
    if (databaseUrl === null) faults.push('NODE_ENV=production needs DATABASE_URL (or CQP_EMBEDDED=allow for the embedded PostgreSQL)');
    if (raw.OIDC_ISSUER === null && raw.IDENTITY_SECRET === null)
      faults.push('NODE_ENV=production needs OIDC_ISSUER, or IDENTITY_SECRET for the built-in provider (or CQP_EMBEDDED=allow)');
    if (raw.CQP_DEMO === 'on' && environment.CQP_DEMO)
      faults.push('NODE_ENV=production does not run the demo line (CQP_DEMO=on) without CQP_EMBEDDED=allow');
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return Object.freeze({
    ...raw,
    services: services as readonly Service[],
    workers: raw.CQP_WORKERS === 0 ? availableParallelism() : raw.CQP_WORKERS,
    dataDir: isAbsolute(raw.CQP_DATA_DIR) ? raw.CQP_DATA_DIR : resolve(cwd, raw.CQP_DATA_DIR),
    production,
    databaseUrl,
    lotIdPattern,
    triton,
    s3,
  });
}

/** The secret in it is not shown. */
function judgeDatabaseUrl(name: string, text: string, faults: string[]): void {
  if (!/^postgres(ql)?:\/\//.test(text)) faults.push(`${name} does not begin with postgresql://`);
  else if (!URL.canParse(text)) faults.push(`${name} is not a URL`);
}

function s3Address(raw: { [N in SettingName]: Defined<N> }, faults: string[]): S3Address | null {
  const { S3_ENDPOINT: endpoint, S3_BUCKET: bucket, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = raw;
  if (endpoint !== null && URL.canParse(endpoint)) {
    const { protocol, username, password } = new URL(endpoint);
    if (!/^https?:$/.test(protocol)) faults.push('S3_ENDPOINT does not begin with http:// or https://');
    if (username !== '' || password !== '')
      faults.push('S3_ENDPOINT holds a user or password: they belong into S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY');
  }
  if ((accessKeyId === null) !== (secretAccessKey === null))
    faults.push('S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY are set together or not at all');
  if (bucket === null) {
    if (endpoint !== null || accessKeyId !== null || secretAccessKey !== null) faults.push('S3_ENDPOINT or keys are set without S3_BUCKET');
    return null;
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/.test(bucket))
    faults.push(`S3_BUCKET=${JSON.stringify(bucket)} is not the name of a bucket`);
  const credentials = accessKeyId === null || secretAccessKey === null ? null : { accessKeyId, secretAccessKey };
  return { endpoint, bucket, region: raw.S3_REGION, credentials };
}

function databaseAddress(raw: { [N in SettingName]: Defined<N> }, faults: string[]): string | null {
  if (raw.DATABASE_URL !== null) {
    judgeDatabaseUrl('DATABASE_URL', raw.DATABASE_URL, faults);
    return raw.DATABASE_URL;
  }
  if (raw.DB_HOST === null) {
    if (raw.DB_USER !== null || raw.DB_NAME !== null || raw.DB_PASSWORD !== null)
      faults.push('DB_USER, DB_PASSWORD or DB_NAME is set without DB_HOST');
    return null;
  }
  if (raw.DB_USER === null || raw.DB_NAME === null) {
    faults.push('DB_HOST needs DB_USER and DB_NAME as well');
    return null;
  }
  const password = raw.DB_PASSWORD === null ? '' : `:${encodeURIComponent(raw.DB_PASSWORD)}`;
  const host = isIPv6(raw.DB_HOST) ? `[${raw.DB_HOST}]` : raw.DB_HOST;
  const address = `postgresql://${encodeURIComponent(raw.DB_USER)}${password}@${host}:${raw.DB_PORT}/${encodeURIComponent(raw.DB_NAME)}`;
  if (!URL.canParse(address)) faults.push(`DB_HOST=${JSON.stringify(raw.DB_HOST)} is no host name and no address`);
  return address;
}

/**
 * Starts this program again in the same process (same pid) with less memory: two malloc arenas instead of one a thread, a young generation of
 * three times 16 MiB, which Node 24 would let grow to three times 64, and an old one of 512 MiB at most: V8 lets a heap grow by four before it
 * collects when much is allowed, and by 1.6 under this limit (253 MiB resident became 203 in the same load). Give `--max-old-space-size` or
 * `--max-semi-space-size` in NODE_OPTIONS for other limits. Nothing is made old from the start: V8 does so for good with what a line of code makes
 * once most of its first hundred were alive at a collection, which is chance when a load begins, and in one start of thirteen made a creation 1.1 to 1.4
 * times as dear (docs/proofs/create-path.md). What it compiles is kept beside the packages for the next start, which then needs no
 * compiler of types (20 MB, a quarter of the start). `npm run bench -- --only memory` prints what it comes to. Does nothing where the
 * system cannot replace a process, or when it has been done.
 */
export function relaunchLean(script: string, args: readonly string[]): void {
  if (process.platform !== 'linux' || typeof process.execve !== 'function' || process.env.MALLOC_ARENA_MAX !== undefined) return;
  const given = `${process.env.NODE_OPTIONS ?? ''} ${process.execArgv.join(' ')}`;
  const limits = { 'max-semi-space-size': 16, 'max-old-space-size': 512 };
  const heap = Object.entries(limits).flatMap(([name, mib]) =>
    new RegExp(`--${name.replaceAll('-', '[-_]')}`).test(given) ? [] : [`--${name}=${mib}`],
  );
  if (!/allocation[-_]site[-_]pretenuring/.test(given)) heap.push('--no-allocation-site-pretenuring');
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...heap, script, ...args], {
    NODE_COMPILE_CACHE: resolve(script, '../../node_modules/.cache/node'),
    ...process.env,
    MALLOC_ARENA_MAX: '2',
    MALLOC_MMAP_THRESHOLD_: '262144',
  });
}
