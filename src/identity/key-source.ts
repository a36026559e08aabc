import { createLocalJWKSet, errors, type JSONWebKeySet, type JWK, type JWTVerifyGetKey } from 'jose';
import { ProblemError } from '../platform/problem.ts';
import type { Log } from '../platform/telemetry/log.ts';

export interface KeySourceOptions {
  /** Fetches the key set, from the database or from the issuer. */
  load: () => Promise<JSONWebKeySet>;
  log: Pick<Log, 'warn'>;
  /** Least time between two tries that an unknown `kid` causes (milliseconds). */
  cooldownMs?: number;
  /** Age at which the set is fetched again beside the requests. An older set is still used while the issuer is away. */
  maxAgeMs?: number;
  now?: () => number;
}

/** Members of a public key (RFC 7518, 6.2 and 6.3; RFC 8037): nothing else is taken over, and no symmetric key at all. */
const PUBLIC = ['kty', 'kid', 'alg', 'use', 'crv', 'x', 'y', 'n', 'e'] as const;

function publicOnly(set: JSONWebKeySet): JSONWebKeySet {
  if (typeof set !== 'object' || set === null || !Array.isArray(set.keys)) throw new Error('not a key set');
  const keys = set.keys
    .filter((key) => ['EC', 'RSA', 'OKP'].includes(String(key?.kty)) && key.use !== 'enc')
    .map((key) => Object.fromEntries(PUBLIC.flatMap((name) => (key[name] === undefined ? [] : [[name, key[name]]]))) as JWK);
  if (keys.length === 0) throw new Error('no public signing key in the set');
  return { keys };
}

/**
 * Keys to verify with. Loaded at first use; again when a token names an unknown key (at most once per cooldown, whoever asks) and when old.
 * A set that cannot be fetched or read leaves the last good one in place.
 */
export function createKeySource(options: KeySourceOptions): JWTVerifyGetKey {
  const { load, log, cooldownMs = 30_000, maxAgeMs = 600_000, now = Date.now } = options;
  let keys: ReturnType<typeof createLocalJWKSet> | undefined;
  let loadedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let pending: Promise<void> | undefined;

  function refresh(): Promise<void> {
    triedAt = now();
    pending ??= load()
      .then((set) => {
        keys = createLocalJWKSet(publicOnly(set));
        loadedAt = now();
        failure = undefined;
      })
      .catch((error: unknown) => {
        failure = error;
        log.warn({ err: error, keys_kept: keys !== undefined }, 'signing_keys_not_loaded');
      })
      .finally(() => {
        pending = undefined;
      });
    return pending;
  }

  return async (header, token) => {
    const sinceTry = now() - triedAt;
    if (keys === undefined) {
      if (pending || sinceTry >= Math.min(cooldownMs, 1000)) await refresh();
      if (keys === undefined) {
        if (failure instanceof ProblemError) throw failure;
        throw new ProblemError('overloaded', { detail: 'The identity provider is out of reach', retryAfter: 5, cause: failure });
      }
    } else if (now() - loadedAt >= maxAgeMs && sinceTry >= cooldownMs) void refresh();
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || now() - triedAt < cooldownMs) throw error;
      await refresh();
      return keys(header, token);
    }
  };
}

const TIMEOUT_MS = 5000;
const MAX_BYTES = 256 * 1024;

async function fetchJson(url: string): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
    redirect: 'error',
    headers: { accept: 'application/json' },
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const text = await response.text();
  if (text.length > MAX_BYTES) throw new Error(`${url} answered more than ${MAX_BYTES} bytes`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** The key set of an outside provider: at `jwksUrl`, else where its discovery document says (which must name the very issuer). */
export function remoteKeys(issuer: string, jwksUrl: string | null): () => Promise<JSONWebKeySet> {
  let found = jwksUrl;
  return async () => {
    if (found === null) {
      const document = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
      if (document.issuer !== issuer) throw new Error(`the discovery document names the issuer ${String(document.issuer)}, not ${issuer}`);
      if (typeof document.jwks_uri !== 'string') throw new Error('the discovery document has no jwks_uri');
      found = document.jwks_uri;
    }
    return (await fetchJson(found)) as unknown as JSONWebKeySet;
  };
}
