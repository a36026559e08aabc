import websocket from '@fastify/websocket';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { Caller } from '../contracts/permissions.ts';
import { STREAM_PROTOCOL } from '../contracts/stream.ts';
import { type App, STREAM_PATH } from '../platform/http/app.ts';
import { type Authenticate, readTokens } from '../platform/http/judge.ts';
import { ProblemError } from '../platform/problem.ts';
import type { Hub, HubSocket } from './hub.ts';
import { STREAM_SCOPES } from './visibility.ts';

/** Bytes of one message of a client: a subscription is far smaller. */
const MAX_PAYLOAD = 64 * 1024;

export interface StreamRouteDeps {
  hub: Hub;
  authenticate: Authenticate;
  origins: readonly string[];
}

/** A page of another host may not open a stream with what a browser keeps (cross-site hijacking); programs send no Origin. */
function originAllowed(origin: string | undefined, host: string, origins: readonly string[]): boolean {
  if (origin === undefined || origins.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

/** 401 and 429 were judged before; here: scope 403, origin 403, no upgrade 426, no room 503 or 429. */
function judge(request: FastifyRequest, deps: StreamRouteDeps): void {
  const { caller } = request;
  if (!STREAM_SCOPES.some((scope) => caller.scopes.has(scope)))
    throw new ProblemError('forbidden', { detail: `The token has none of the scopes ${STREAM_SCOPES.join(', ')}` });
  if (!originAllowed(request.headers.origin, request.host, deps.origins)) throw new ProblemError('origin_not_allowed');
  if ((request.raw as { upgrade?: boolean }).upgrade !== true && !request.ws)
    throw new ProblemError('upgrade_required', { headers: { upgrade: 'websocket', connection: 'Upgrade' } });
  const refusal = deps.hub.refuses(caller);
  if (refusal === 'full') throw new ProblemError('overloaded', { retryAfter: 5 });
  if (refusal === 'too_many') throw new ProblemError('too_many_requests', { detail: 'Too many open streams', retryAfter: 5 });
}

/** The stream, in a context of its own: the plugin's hooks cost the other routes nothing. */
export async function streamRoutes(app: App, deps: StreamRouteDeps): Promise<void> {
  const tokens = readTokens();
  const addStream: FastifyPluginAsync = async (stream) => {
    await stream.register(websocket, {
      options: {
        maxPayload: MAX_PAYLOAD,
        perMessageDeflate: false,
        handleProtocols: (offered: Set<string>) => (offered.has(STREAM_PROTOCOL) ? STREAM_PROTOCOL : false),
      },
      errorHandler: (_error, socket) => socket.terminate(),
    });
    stream.route({
      method: 'GET',
      url: STREAM_PATH,
      config: { permission: 'authenticated', subprotocolToken: true },
      schema: {
        summary: 'Events as they happen (WebSocket)',
        description:
          'Subprotocol `cqp.v1`; browsers add `bearer.<token>`. The client writes `{type: "subscribe", filter: {lot_id?, station_id?, event_types?}, after?}`, ' +
          'the server `{type: "subscribed", cursor}`, `{type: "event", cursor, event}` and `{type: "gap"}` when the cursor is too old. Needs a read scope.',
        response: { 101: { description: 'The connection speaks WebSocket', type: 'null' } },
      } as never,
      preHandler: async (request) => judge(request, deps),
      handler: async () => {
        throw new ProblemError('upgrade_required');
      },
      wsHandler: (socket, request) => {
        const token = tokens.stream(request);
        const { expiresAt } = request.caller as Caller & { expiresAt?: number };
        deps.hub.add(socket as unknown as HubSocket, request.caller, {
          expiresAt,
          recheck: async () => deps.authenticate(token, request),
        });
      },
    });
  };
  await app.register(addStream);
}
