import type { Caller, Permission } from '../../contracts/permissions.ts';
import type { Cause } from '../db/change.ts';
import type { RouteMeter } from '../telemetry/metrics.ts';
import type { Leave } from './creations.ts';
import type { Place } from './queue.ts';

/** How much a route matters under overload: exports are shed first, then reads; creating inspections last, audit and the rest of the writes never. */
export type RouteClass = 'create' | 'read' | 'export' | 'audit';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route asks of its caller. A route without it fails the start. */
    permission?: Permission;
    /** Shedding class; `read` for GET and HEAD, `audit` for everything else when left out. */
    class?: RouteClass;
    /** The body may be left out (or be empty): the handler then sees `{}`. */
    optionalBody?: boolean;
    /** The body is read by the route itself as a stream; it has the upload time-out in place of the request time-out. */
    upload?: boolean;
    /** Content types of a body that the route reads as bytes, with their shape where they have one; only told in the OpenAPI document. */
    consumes?: Readonly<Record<string, object>>;
    /** Bytes of a body without a length that are held at a time, where that is less than the limit of the body. */
    holds?: (request: FastifyRequest) => number;
    /** The route is there to refuse: its address has these methods alone, though the pattern of another route would take it for an id. */
    only?: readonly string[];
    /** How errors are written: the platform's problem body, or `{error}` with words as the Open Inference Protocol has it (422 is 400 there). */
    errors?: 'problem' | 'message';
    /** Only a person may do this: a client's token is told `person_required` before its body is read. */
    person?: true;
    /**
     * Answers carry the `ETag` of their record: the `version` of the body, or what is said of it; null where the body does not tell (a replay then has
     * none). For replays and the OpenAPI document: the route sets it on its first answer.
     */
    etag?: true | ((body: never) => number | null);
    /** The route judges `If-Match`, or `If-None-Match`. Only told in the OpenAPI document. */
    ifMatch?: true;
    ifNoneMatch?: true;
    /** Content types of bytes that the route answers, and whether it takes a `Range` of them. Only told in the OpenAPI document. */
    answers?: Readonly<Record<string, object>>;
    ranges?: true;
    /** The token may also come as a WebSocket subprotocol `bearer.<token>`: browsers cannot set headers there. */
    subprotocolToken?: boolean;
    /**
     * Answered by `sendText` alone, or by an error: the headers that every answer carries are then written with it, in one piece, and the request is
     * counted when its answer is written. For the create path, where they would cost as much as the database.
     */
    lean?: boolean;
    /** Answered by another program, which judges it: nothing of it is read, limited in time, compressed or described here. */
    forwarded?: boolean;
    /** Set by the HTTP layer: counts by method; none for health and metrics. */
    meters?: ReadonlyMap<string, RouteMeter>;
  }
  interface FastifyRequest {
    /** Who asks, proven by the token. Not to be read on routes with permission `none`. */
    caller: Caller;
    /** W3C trace id, 32 hex: taken over from `traceparent` or made. */
    readonly traceId: string;
    /**
     * Why the change happens, for the door: actor, request id, trace id, and on a POST with `Idempotency-Key` the key with the hash of
     * method, address and body. A route that reads its body as a stream passes the sha256 (hex) of the bytes as `bodyHash`.
     */
    cause(bodyHash?: string): Cause;
    /** What Fastify calls `routeOptions`, read once: each look at that makes a new object. */
    route: FastifyRequest['routeOptions'];
    /** HTTP layer only. */
    startedAt: number;
    open: boolean;
    /** Whether a stop waits for its answer. */
    counted: boolean;
    meter: RouteMeter | undefined;
    bodyHash: string;
    /** Until when the body has to be there (`performance.now()`); 0 when nobody waits for it. */
    bodyUntil: number;
    traceIdGiven: string;
    place: Place | null;
    /** Tells the gate of creations that this one is done, once: who calls it sets it to null. */
    leave: Leave | null;
  }
  interface FastifyInstance {
    /** What a browser is shown at an address of nothing, with status 404; null where there are no pages. Set at the start, by who has pages. */
    unknownPage: { show: ((reply: FastifyReply) => Promise<FastifyReply>) | null };
  }
  interface FastifyReply {
    /** On a `lean` route: JSON that is text already, with the headers of every answer, in one write. */
    sendText(answer: { status: number; text: string; location: string; version: number }): void;
  }
}
