import { createLocalJWKSet, errors, type JSONWebKeySet, type JWK, type JWTVerifyGetKey } from 'jose';
import { every, type Repeated } from '../platform/every.ts';
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

export interface KeySource {
  readonly key: JWTVerifyGetKey;
  /** Why the set could not be fetched, in words, until it can be. */
  trouble(): string | null;
  /** Fetches beside the requests from now on: none waits for an issuer that is known to be away. */
  start(): void;
  stop(): Promise<void>;
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

/** Time between two tries while there is no key (milliseconds): `start` makes them, else the requests do. */
const AGAIN_MS = { beside: 5000, asked: 1000 };

/** `fetch` says what happened in the cause of what it throws. */
function wordsOf(error: unknown): string {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const told = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : null;
  return told === null ? message : `${message} (${told})`;
}

/**
 * Keys to verify with. Loaded at first use; again when a token names an unknown key (at most once per cooldown, whoever asks) and when old.
 * A set that cannot be fetched or read leaves the last good one in place. Without any, all wait for the first try; after it failed they are refused
 * while others are made.
 */
export function createKeySource(options: KeySourceOptions): KeySource {
  const { load, log, cooldownMs = 30_000, maxAgeMs = 600_000, now = Date.now } = options;
  let keys: ReturnType<typeof createLocalJWKSet> | undefined;
  let loadedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failure: { readonly error: unknown } | undefined;
  let pending: Promise<void> | undefined;
  let beside: Repeated | undefined;

  function refresh(): Promise<void> {
    triedAt = now();
    pending ??= load()
      .then((set) => {
        keys = createLocalJWKSet(publicOnly(set));
        loadedAt = now();
        failure = undefined;
      })
      .catch((error: unknown) => {
        failure = { error };
        log.warn({ err: error, keys_kept: keys !== undefined }, 'signing_keys_not_loaded');
      })
      .finally(() => {
        pending = undefined;
      });
    return pending;
  }

  const isDue = () => (failure !== undefined || now() - loadedAt >= maxAgeMs) && now() - triedAt >= cooldownMs;

  async function firstKeys(): Promise<NonNullable<typeof keys>> {
    const mayTry = beside === undefined && pending === undefined && now() - triedAt >= Math.min(cooldownMs, AGAIN_MS.asked);
    if (failure === undefined || mayTry) await refresh();
    if (keys !== undefined) return keys;
    const error = failure?.error;
    if (error instanceof ProblemError) throw error;
    throw new ProblemError('service_unavailable', {
      detail: 'The identity provider is out of reach: new tokens cannot be judged',
      retryAfter: AGAIN_MS.beside / 1000,
      cause: error,
    });
  }

  const key: JWTVerifyGetKey = async (header, token) => {
    const known = keys ?? (await firstKeys());
    if (isDue()) void refresh();
    try {
      return await known(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || now() - triedAt < cooldownMs) throw error;
      await refresh();
      return (keys ?? known)(header, token);
    }
  };

  return {
    key,
    trouble: () => (failure === undefined ? null : wordsOf(failure.error)),
    start() {
      void refresh();
      beside = every(
        AGAIN_MS.beside,
        async () => {
          // Not waited for: a stop would have to wait for an issuer that is silent.
          if (keys === undefined || isDue()) void refresh();
        },
        () => {},
      );
      beside.start();
    },
    async stop() {
      await beside?.stop();
    },
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
  const read: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop ends the connection.
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) throw new Error(`${url} answered more than ${MAX_BYTES} bytes`);
    read.push(chunk);
  }
  return JSON.parse(new TextDecoder().decode(Buffer.concat(read))) as Record<string, unknown>;
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
