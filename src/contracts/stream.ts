import { type Static, Type } from 'typebox';
import type { PlatformEvent } from './events.ts';

/** WebSocket subprotocol; a browser sends `cqp.v1, bearer.<token>` because it cannot set headers. */
export const STREAM_PROTOCOL = 'cqp.v1';
export const StreamFilter = Type.Object(
  {
    lot_id: Type.Optional(Type.String({ maxLength: 50 })),
    station_id: Type.Optional(Type.String({ maxLength: 100 })),
    event_types: Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { maxItems: 50 })),
  },
  { additionalProperties: false },
);
export type StreamFilter = Static<typeof StreamFilter>;
export const StreamSubscribe = Type.Object(
  {
    type: Type.Literal('subscribe'),
    filter: Type.Optional(StreamFilter),
    after: Type.Optional(Type.String({ maxLength: 100 })),
    beat: Type.Optional(
      Type.Boolean({
        description: 'Asks for a `beat` every 14 s: for clients that cannot see a ping of the protocol, as pages in a browser',
      }),
    ),
  },
  { additionalProperties: false },
);
export type StreamSubscribe = Static<typeof StreamSubscribe>;
export type StreamMessage =
  | { type: 'event'; cursor: string; event: PlatformEvent }
  | { type: 'gap' }
  /** Nothing happened, and the connection stands; only for who asked for it. */
  | { type: 'beat' }
  | { type: 'subscribed'; cursor: string }
  | { type: 'error'; message: string };
