import { STATUS_CODES } from 'node:http';
import swagger from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import { SCOPES } from '../../contracts/permissions.ts';
import type { App } from './app.ts';

export interface DocumentOptions {
  /** Where people sign in and where tokens are fetched; of the built-in provider when left out. */
  authorizationUrl?: string;
  tokenUrl?: string;
}

const TEXT = `## Manufacturing Quality Control API

Production-grade REST API for semiconductor manufacturing quality control workflows.

### Key Features
- **Real-time Inspection Processing**: Sub-100ms response times
- **AI-Powered Defect Detection**: NVIDIA Triton integration
- **High Throughput**: 50K+ requests per minute
- **Manufacturing Integration**: ERP and MES compatibility

### Authentication
All endpoints require OAuth2 JWT tokens with appropriate scopes.

### Monitoring
- Health checks: \`/health\`
- Metrics: \`/metrics\` (Prometheus)
- Documentation: \`/docs\` (Interactive)

### Conventions
Names are \`snake_case\`, ids UUIDv7, times RFC 3339 in UTC. Lists answer \`{data, has_more, next_cursor}\`; the same list is a file with \`Accept: text/csv\`, of at most 1,000,000 rows: a longer one breaks off, and is asked for in shorter spans or from a cursor on.
Every POST takes \`Idempotency-Key\`; every record has an \`ETag\`, and changes of state honour \`If-Match\`. Errors are \`application/problem+json\`.`;

const TAGS = [
  { name: 'inspections', description: 'Manufacturing inspection lifecycle management' },
  { name: 'inference', description: 'AI-powered defect detection and classification' },
  { name: 'reports', description: 'Quality analytics and compliance reporting' },
  { name: 'open-inference', description: 'The Open Inference Protocol (KServe v2) of the models that run here' },
  { name: 'artifacts', description: 'Pictures and documents of an inspection' },
  { name: 'review', description: 'Defects, and what waits for a person' },
  { name: 'masterdata', description: 'Sites, stations, products, policies and lots' },
  { name: 'audit', description: 'Who did what to which record' },
  { name: 'stream', description: 'Events as they happen, over WebSocket' },
  { name: 'health', description: 'Whether the platform can serve' },
];

/** The first rule that fits names the tag. */
const TAG_OF: readonly (readonly [RegExp, string])[] = [
  [/^\/v2/, 'open-inference'],
  [/\/artifacts/, 'artifacts'],
  [/^\/v1\/(?:operations|models)|\/infer$/, 'inference'],
  [/\/defects|\/review/, 'review'],
  [/^\/v1\/(?:inspections|units)/, 'inspections'],
  [/^\/v1\/reports/, 'reports'],
  [/^\/v1\/audit/, 'audit'],
  [/^\/v1\/stream/, 'stream'],
  [/^\/health/, 'health'],
  [/./, 'masterdata'],
];
const tagOf = (url: string): string => TAG_OF.find(([rule]) => rule.test(url))?.[1] ?? 'masterdata';

/** `GET /v1/lots/:lot_id` -> `getLotsByLotId`: stable as long as the address is. */
export function operationId(method: string, url: string): string {
  const words = url
    .split('/')
    .filter((part) => part !== '' && part !== 'v1')
    .map((part) => (part.startsWith(':') ? `by_${part.slice(1)}` : part))
    .join('_')
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return method.toLowerCase() + words.join('');
}

type Schema = FastifySchema & Record<string, unknown>;
const PROBLEM = {
  description: 'An error: RFC 9457 and the envelope of the platform in one body',
  content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
};
const MESSAGE = { description: 'An error, in words', content: { 'application/json': { schema: { $ref: 'ProtocolError#' } } } };
const BINARY = { type: 'string', format: 'binary' };
/** Content types with one shape. */
const each = (types: readonly string[], shape: object): Record<string, object> => Object.fromEntries(types.map((type) => [type, shape]));
/** For `answers`: bytes in one of these types. */
export const bytesOf = (types: readonly string[]): Record<string, object> => each(types, BINARY);
/** For `consumes`: a file as the raw body, or as the field `file` of a form. */
export const uploadOf = (types: readonly string[]): Record<string, object> => ({
  ...bytesOf(types),
  'multipart/form-data': { type: 'object', required: ['file'], properties: { file: BINARY } },
});
const contentOf = (shapes: Readonly<Record<string, object>>): Record<string, { schema: object }> =>
  Object.fromEntries(Object.entries(shapes).map(([type, schema]) => [type, { schema }]));

type Responses = Record<string, Record<string, unknown>>;
type RouteConfig = import('fastify').FastifyContextConfig;

const ETAG = { ETag: { type: 'string', description: 'Names what is there now: the version of a record or the hash of bytes, in quotes' } };
const NOT_MODIFIED = { description: 'The client has it already', headers: ETAG, type: 'null' };

/** The headers of an answer stand beside its content. */
function withEtag(answer: Record<string, unknown>): Record<string, unknown> {
  const content = answer.content ?? { 'application/json': { schema: answer } };
  return { description: answer.description ?? 'Default Response', headers: ETAG, content };
}

/** A list is also a file; an answer without a schema is bytes. */
function responsesOf(schema: Schema | undefined, method: string, config: RouteConfig): Responses {
  const responses: Responses = { ...(schema?.response as Responses | undefined), default: config.errors === 'message' ? MESSAGE : PROBLEM };
  const query = schema?.querystring as { properties?: Record<string, unknown> } | undefined;
  const page = responses['200'];
  if (method === 'GET' && query?.properties?.cursor !== undefined && page !== undefined && page.content === undefined)
    responses['200'] = {
      description: 'A page; with `Accept: text/csv` the whole list as a file',
      content: { 'application/json': { schema: page }, 'text/csv': { schema: { type: 'string' } } },
    };
  if (config.answers !== undefined) responses['200'] = { description: 'The bytes, in their own type', content: contentOf(config.answers) };
  if (config.ranges === true) responses['206'] = { ...responses['200'], description: 'One range of the bytes' };
  if (config.etag !== undefined)
    for (const [status, answer] of Object.entries(responses)) if (status.startsWith('2')) responses[status] = withEtag(answer);
  if (config.ifNoneMatch === true) responses['304'] = NOT_MODIFIED;
  return responses;
}

/** Headers that the platform judges for a route. */
function headersOf(method: string, { permission = 'none', errors, ...config }: RouteConfig): Record<string, object> {
  const changes = method === 'POST' && permission !== 'none' && errors !== 'message' && config.class !== 'export';
  const key = { type: 'string', minLength: 1, maxLength: 255, description: 'The same key and body again are answered as the first time' };
  return {
    ...(changes ? { 'idempotency-key': key } : {}),
    ...(config.ifMatch === true ? { 'if-match': { type: 'string', description: 'The `ETag` that has to be current; else 412' } } : {}),
    ...(config.ifNoneMatch === true
      ? { 'if-none-match': { type: 'string', description: 'The `ETag` that the client has; 304 while it is current' } }
      : {}),
    ...(config.ranges === true ? { range: { type: 'string', description: 'One range of bytes' } } : {}),
  };
}

/** What a route's own schema does not say: scope, tag, id, errors, the idempotency header, bodies that are bytes. */
function describe(schema: Schema | undefined, url: string, method: string, config: RouteConfig): Schema {
  const { permission = 'none' } = config;
  const described: Schema = {
    ...schema,
    tags: schema?.tags ?? [tagOf(url)],
    operationId: schema?.operationId ?? operationId(method, url),
    security: permission === 'none' ? [] : [{ oauth2: permission === 'authenticated' ? [] : [permission] }],
    description: [schema?.description, permission in SCOPES ? `Scope: \`${permission}\`` : undefined].filter(Boolean).join('\n\n'),
    response: responsesOf(schema, method, config),
  };
  if (described.description === '') delete described.description;
  const headers = headersOf(method, config);
  if (Object.keys(headers).length > 0) described.headers = { type: 'object', properties: headers };
  if (config.consumes !== undefined && described.body === undefined) described.body = { content: contentOf(config.consumes) };
  if (config.optionalBody === true) described['x-optional-body'] = true;
  return described;
}

interface Operation {
  tags?: string[];
  requestBody?: { required?: boolean };
  responses: Record<string, { description?: string }>;
  'x-optional-body'?: boolean;
}
interface Document {
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
}

/** Words for the answers, bodies that may be left out, and a declaration of every tag. */
function finish(document: Document): Document {
  for (const path of Object.values(document.paths))
    for (const operation of Object.values(path)) {
      if (operation['x-optional-body'] === true && operation.requestBody) operation.requestBody.required = false;
      delete operation['x-optional-body'];
      for (const [status, response] of Object.entries(operation.responses))
        if (response.description === 'Default Response') response.description = STATUS_CODES[status] ?? 'The answer';
      for (const name of operation.tags ?? []) if (!document.tags.some((tag) => tag.name === name)) document.tags.push({ name });
    }
  return document;
}

/**
 * Collects every route that is declared after it. The document holds the API and health; pages, metrics and the provider's own addresses stay out.
 * It is made from the schemas that validate. `app.swagger()` is the OpenAPI 3.1 document, once the app is ready.
 */
export async function addDocument(app: App, options: DocumentOptions = {}): Promise<void> {
  const tokenUrl = options.tokenUrl ?? '/oidc/token';
  const scopes = SCOPES as Readonly<Record<string, string>> as Record<string, string>;
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Chip Quality Manufacturing Platform',
        summary: 'Chip Quality Platform API: Manufacturing Quality Control System',
        description: TEXT,
        version: '1.0.0',
        termsOfService: 'https://company.com/terms',
        contact: { name: 'Platform Engineering Team', url: 'https://company.com/support', email: 'platform-team@company.com' },
        license: { name: 'MIT License', url: 'https://opensource.org/licenses/MIT' },
      } as never,
      servers: [
        { url: 'https://api.manufacturing.company.com', description: 'Production' },
        { url: 'https://staging-api.manufacturing.company.com', description: 'Staging' },
        { url: 'http://localhost:8000', description: 'Development' },
      ],
      tags: [...TAGS],
      components: {
        securitySchemes: {
          oauth2: {
            type: 'oauth2',
            description: 'People sign in with authorization code and PKCE; stations and systems use client credentials',
            flows: {
              authorizationCode: { authorizationUrl: options.authorizationUrl ?? '/oidc/auth', tokenUrl, scopes },
              clientCredentials: { tokenUrl, scopes },
            },
          },
        },
      },
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, at) => (typeof json.$id === 'string' ? json.$id : `def-${at}`) },
    transform: ({ schema, url, route }) => {
      const method = Array.isArray(route.method) ? (route.method[0] ?? 'GET') : route.method;
      const hidden = !/^\/(?:v1\/|v2(?:\/|$)|health)/.test(url) || (schema as Schema | undefined)?.hide === true;
      return { url, schema: hidden ? { hide: true } : describe(schema as Schema | undefined, url, method, route.config ?? {}) };
    },
    transformObject: (found) =>
      finish(('openapiObject' in found ? found.openapiObject : found.swaggerObject) as unknown as Document) as never,
  });
}
