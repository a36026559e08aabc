import { errors, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify } from 'jose';
import type { Caller } from '../contracts/permissions.ts';
import { ProblemError } from '../platform/problem.ts';
import type { Log } from '../platform/telemetry/log.ts';
import { callerOf, Refused } from './claims.ts';

/** A caller, and until when the token proves it (milliseconds since 1970): streams end then. */
export interface Proven extends Caller {
  readonly expiresAt: number;
}

/** Known tokens are answered at once, others by a promise. @throws ProblemError unauthorized, always the same */
export type Authenticate = (token: string, request?: { readonly id: string; readonly ip: string }) => Proven | Promise<Proven>;

export interface VerifierOptions {
  issuer: string;
  audience: string;
  keys: JWTVerifyGetKey;
  /** Outside providers also sign by RSA and Ed25519, say `typ: JWT` and name several audiences; the built-in one does not. */
  outside: boolean;
  /** Difference of clocks that is forgiven, at most 60 s. */
  leewaySeconds?: number;
  /** Whether a token was given back before its time. */
  revoked?: (jti: string) => boolean;
  log: Pick<Log, 'warn'>;
  /** Verified tokens that are remembered. */
  cacheSize?: number;
}

/** Characters; longer ones are refused unread. */
const MAX_TOKEN = 16 * 1024;

interface Known {
  proven: Proven;
  jti: string | undefined;
}

/** Verifies access tokens (RFC 9068): asymmetric algorithms only, issuer, audience, type, times, subject; then its claims are read. */
export function createVerifier(options: VerifierOptions): Authenticate {
  const { issuer, audience, keys, outside, log, cacheSize = 10_000, revoked = () => false } = options;
  const leeway = Math.min(options.leewaySeconds ?? (outside ? 30 : 5), 60);
  const rules: JWTVerifyOptions = {
    issuer,
    audience,
    algorithms: outside ? ['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519'] : ['ES256'],
    clockTolerance: leeway,
    requiredClaims: ['exp', 'iat', 'sub'],
    ...(outside ? {} : { typ: 'at+jwt' }),
  };
  const known = new Map<string, Known>();

  async function verify(token: string): Promise<Known> {
    if (token.length > MAX_TOKEN) throw new Refused('too_long');
    const { payload, protectedHeader } = await jwtVerify(token, keys, rules);
    if (outside && !['jwt', 'at+jwt', 'application/at+jwt'].includes(String(protectedHeader.typ).toLowerCase()))
      throw new Refused('wrong_typ');
    if (!outside && typeof payload.aud !== 'string') throw new Refused('audience_not_a_text');
    for (const claim of ['exp', 'iat'] as const)
      if (!Number.isSafeInteger(Math.trunc(payload[claim] as number))) throw new Refused(`${claim}_not_a_time`);
    if ((payload.iat as number) > Date.now() / 1000 + leeway) throw new Refused('issued_in_the_future');
    if (payload.jti !== undefined && typeof payload.jti !== 'string') throw new Refused('jti_not_a_text');
    if (!outside && payload.jti === undefined) throw new Refused('no_jti');
    const expiresAt = (payload.exp as number) * 1000;
    return { proven: Object.freeze({ ...callerOf(payload, outside), expiresAt }), jti: payload.jti };
  }

  function refuse(error: unknown, request: { id: string; ip: string } | undefined): ProblemError {
    if (error instanceof ProblemError) return error;
    const reason = error instanceof Refused ? error.reason : error instanceof errors.JOSEError ? error.code.toLowerCase() : 'unreadable';
    log.warn({ security: true, reason, ...(request ? { request_id: request.id, client_ip: request.ip } : {}) }, 'token_refused');
    return new ProblemError('unauthorized');
  }

  return (token, request) => {
    const found = known.get(token);
    if (found !== undefined) {
      if (found.proven.expiresAt <= Date.now()) known.delete(token);
      else if (found.jti !== undefined && revoked(found.jti)) throw refuse(new Refused('revoked'), request);
      else return found.proven;
    }
    return verify(token).then(
      (fresh) => {
        if (fresh.jti !== undefined && revoked(fresh.jti)) throw refuse(new Refused('revoked'), request);
        if (known.size >= cacheSize) for (const oldest of known.keys()) if (known.delete(oldest)) break;
        known.set(token, fresh);
        return fresh.proven;
      },
      (error: unknown) => {
        throw refuse(error, request);
      },
    );
  };
}
