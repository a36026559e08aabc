import { createServer } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import fastify from 'fastify';
import { createRemoteJWKSet } from 'jose';
import { relaunchLean } from '../../src/config.ts';
import { type Inspection, InspectionCreate } from '../../src/contracts/inspections.ts';
import { wholePattern } from '../../src/contracts/lot-id.ts';
import { type Authenticate, createVerifier } from '../../src/identity/verifier.ts';
import { createRoutes } from '../../src/intake/create-routes.ts';
import type { Recorder } from '../../src/intake/record-inspection.ts';
import type { Accepted } from '../../src/intake/rules.ts';
import { JsonOnce } from '../../src/platform/db/door.ts';
import { createApp } from '../../src/platform/http/app.ts';
import { uuidv7 } from '../../src/platform/id.ts';
import { createLog, type Log } from '../../src/platform/telemetry/log.ts';
import { commandOptions } from '../../tools/command-options.ts';
import { LAYERS, type Layer, layered } from './layers.ts';

/**
 * What the create route is measured beside, each in a process of its own:
 * `control` is the platform's own HTTP application and create route (token, permission, shape, rules, headers, log line, metrics) over a recorder
 * that keeps nothing; `fastify_bare` validates the same shape and answers; `node_http` parses and answers; and the steps of layers.ts between them.
 * `node_net` knows nothing of HTTP but what the generator sends (a bound, no server): what is left of a request when Node's HTTP is taken away.
 */
const { values } = commandOptions({
  options: { kind: { type: 'string' }, port: { type: 'string' }, issuer: { type: 'string' }, audience: { type: 'string' } },
});
// The same memory settings as the platform's own start.
relaunchLean(process.argv[1] ?? '', process.argv.slice(2));
const port = Number(values.port);

function answerTo(body: {
  lot_id: string;
  chip_id: string;
  inspection_type: Inspection['inspection_type'];
  priority?: number;
  station_metadata?: Record<string, unknown> | null;
}): Inspection {
  const now = new Date().toISOString();
  return {
    id: uuidv7(),
    lot_id: body.lot_id.toUpperCase(),
    chip_id: body.chip_id,
    inspection_type: body.inspection_type,
    priority: body.priority ?? 5,
    station_metadata: body.station_metadata ?? {},
    station_id: 'AOI-HH-1',
    site: 'hamburg',
    status: 'pending',
    verdict: null,
    reason: null,
    attempt: 1,
    version: 1,
    created_by: 'aoi-hh-1',
    created_at: now,
    updated_at: now,
    completed_at: null,
  };
}

function verifier(log: Log): Authenticate {
  const issuer = values.issuer ?? '';
  const keys = createRemoteJWKSet(new URL(`${issuer}/oidc/jwks`));
  return createVerifier({ issuer, audience: values.audience ?? '', keys, outside: false, log });
}

async function control(): Promise<void> {
  const log = createLog({ level: 'info', service: 'control' });
  const app = await createApp({ authenticate: verifier(log), log, rateLimit: 1_000_000 });
  // A record and its text, made once, as the platform's recorder answers them.
  const recorder = {
    record: async ({ accepted }: { accepted: readonly Accepted[] }) =>
      accepted.map(
        (one) => new JsonOnce({ ...answerTo(one), station_id: one.station_id, site: one.site, station_metadata: one.station_metadata }),
      ),
  } satisfies Pick<Recorder, 'record'>;
  const pattern = wholePattern('LOT-\\d{4}-\\d{3}');
  createRoutes(app, { plant: { now: () => ({ lotIdPattern: () => pattern, siteOf: () => 'hamburg' }) } as never, recorder });
  await app.listen({ port, host: '127.0.0.1' });
}

async function step(layer: Layer): Promise<void> {
  const log = createLog({ level: 'info', service: layer });
  await layered(layer, { authenticate: verifier(log), log, answer: answerTo }).listen({ port, host: '127.0.0.1' });
}

async function bare(): Promise<void> {
  const app = fastify();
  app.post('/v1/inspections', { schema: { body: InspectionCreate } }, async (request, reply) => {
    const made = answerTo(request.body as never);
    return reply.code(201).header('location', `/v1/inspections/${made.id}`).send(made);
  });
  await app.listen({ port, host: '127.0.0.1' });
}

function plain(): Promise<void> {
  const server = createServer((request, response) => {
    if (request.method !== 'POST') {
      response.writeHead(404).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = JSON.stringify(answerTo(JSON.parse(Buffer.concat(chunks).toString())));
      response.writeHead(201, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
      response.end(text);
    });
  });
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = Buffer.from('content-length: ');

/** Length of the request that begins here, and where its body does; 0: more has to come. */
function framed(bytes: Buffer): { body: number; end: number } {
  const head = bytes.indexOf(HEAD_END);
  if (head === -1) return { body: 0, end: 0 };
  const at = bytes.indexOf(LENGTH);
  const length = at === -1 || at > head ? 0 : Number.parseInt(bytes.toString('latin1', at + LENGTH.length, bytes.indexOf('\r', at)), 10);
  const body = head + HEAD_END.length;
  return { body, end: body + length > bytes.length ? 0 : body + length };
}

function tcp(): Promise<void> {
  const answer = (socket: Socket, request: Buffer, body: number) => {
    if (request[0] !== 'P'.charCodeAt(0)) return socket.write('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n', 'latin1');
    const text = JSON.stringify(answerTo(JSON.parse(request.toString('utf8', body))));
    const head = `HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n`;
    return socket.write(head + text, 'utf8');
  };
  const server = createTcpServer({ noDelay: true }, (socket) => {
    let held: Buffer | undefined;
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      held = held === undefined ? chunk : Buffer.concat([held, chunk]);
      for (let { body, end } = framed(held); end > 0; { body, end } = framed(held)) {
        answer(socket, held.subarray(0, end), body);
        held = held.subarray(end);
      }
      if (held.length === 0) held = undefined;
    });
  });
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}

const kinds: Record<string, () => Promise<void>> = { control, fastify_bare: bare, node_http: plain, node_net: tcp };
const kind = values.kind ?? '';
await (LAYERS.includes(kind as Layer) ? step(kind as Layer) : kinds[kind]?.());
