import { type Static, Type } from 'typebox';
import { nullable } from './primitives.ts';

/** The caller as the access token proves it: what the dashboard shows by. */
export const Me = Type.Object(
  {
    subject: Type.String({ description: 'Stable id of the person or client' }),
    name: Type.String({ description: 'Username or client id' }),
    kind: Type.Enum(['person', 'client']),
    roles: Type.Array(Type.String()),
    scopes: Type.Array(Type.String()),
    site: Type.String({ description: "Code of the caller's site; * for every site" }),
    station_id: nullable(Type.String()),
  },
  { $id: 'Me', additionalProperties: false },
);
export type Me = Static<typeof Me>;
