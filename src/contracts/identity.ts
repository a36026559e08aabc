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

/**
 * How the dashboard signs in when an outside OpenID provider stands in place of the built-in one: as JSON the `content` of `meta[name="sign-in"]` in its
 * page. Without that element it is the provider of its own origin.
 */
export interface OutsideSignIn {
  issuer: string;
  client_id: string;
  /** Separated by spaces. */
  scope: string;
  /** Parameters that name the audience of the access token, at the sign-in and at every token. */
  audience: Readonly<Record<string, string>>;
}
