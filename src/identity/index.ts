import type { Database } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import type { Limiter } from '../platform/http/limits.ts';
import type { Part, Slice } from '../platform/slice.ts';
import type { Log } from '../platform/telemetry/log.ts';
import type { BuiltIn } from './built-in.ts';
import { createKeySource, remoteKeys } from './key-source.ts';
import { publicKeys } from './keys.ts';
import { addMe } from './me.ts';
import { createRevocations } from './revocations.ts';
import { type Authenticate, createVerifier } from './verifier.ts';

export type { Authenticate, Proven } from './verifier.ts';

export interface IdentityDeps {
  db: Database;
  door: Door;
  log: Log;
  /** Address that users and stations see, no slash at the end: the issuer. Asked late, when the port is known. */
  baseUrl(): string;
  /** `aud` of every access token. */
  audience: string;
  dataDir: string;
  /** Opens the signing keys in the database; null: a file in the data directory, made at the first start. */
  secret: string | null;
  tokenLifetimeSeconds?: number;
  /** Makes the demo accounts and writes `demo-credentials.json`: an embedded data directory. */
  demo: boolean;
  /** An outside provider takes the place of the built-in one: no sign-in pages, no accounts, no keys of our own. */
  outside?: { issuer: string; jwksUrl: string | null } | null;
  /** Hears of the limits of an address, where several processes keep them together. */
  shareLimit?: (name: string, limiter: Limiter) => void;
}

export interface Identity extends Slice {
  readonly background: { start(): Promise<void>; stop(): Promise<void> };
  /** What a process needs that only verifies tokens: no keys of its own, no secret. */
  readonly verifying: Pick<Slice, 'parts'> & { start(): Promise<void>; stop(): Promise<void> };
  /** For the HTTP layer and the stream. */
  readonly authenticate: Authenticate;
  /** Keys and accounts are there when this is done; before the first request, after the migrations. Safe to call again. @throws SealBroken */
  prepare(): Promise<void>;
  /** Writes `demo-credentials.json` with the address as it is now: after listening. The path of the file, or null when there is no demo. */
  publish(): Promise<string | null>;
}

const partOf = (issuer: string, trouble: string | null): Part =>
  trouble === null ? { status: 'ok' } : { status: 'degraded', detail: `the keys of ${issuer} cannot be fetched: ${trouble}` };

/** The keys of the house: who comes in (OpenID provider), who is asking (`authenticate`), and the accounts of the demo. */
export function identity(deps: IdentityDeps): Identity {
  const { db, log, audience } = deps;
  const revocations = createRevocations(db, log);
  const builtIn = !deps.outside;
  const { outside } = deps;
  const keys = createKeySource({ load: outside ? remoteKeys(outside.issuer, outside.jwksUrl) : () => publicKeys(db), log });
  // The keys of the built-in provider lie in the database, which has a part of its own.
  const verifying: Identity['verifying'] = {
    async start() {
      if (outside) keys.start();
      await revocations.start();
    },
    async stop() {
      await keys.stop();
      await revocations.stop();
    },
    ...(outside && { parts: { identity: () => partOf(outside.issuer, keys.trouble()) } }),
  };

  let verifier: Authenticate | undefined;
  const authenticate: Authenticate = (token, request) => {
    verifier ??= createVerifier({
      issuer: deps.outside?.issuer ?? deps.baseUrl(),
      audience,
      keys: keys.key,
      outside: !builtIn,
      revoked: revocations.has,
      log,
    });
    return verifier(token, request);
  };

  let opened: Promise<BuiltIn> | undefined;
  // Loaded where people sign in: who only verifies tokens has no use for 20 MB of provider.
  const provider = (): Promise<BuiltIn> => {
    opened ??= import('./built-in.ts').then(({ openBuiltIn }) =>
      openBuiltIn(deps, (token, clientId) => revocations.revoke(token, clientId, authenticate)),
    );
    return opened;
  };

  async function prepare(): Promise<void> {
    if (builtIn) await (await provider()).prepare();
  }

  return {
    name: 'identity',
    authenticate,
    prepare,
    verifying,
    ...(verifying.parts && { parts: verifying.parts }),
    async publish() {
      return builtIn && deps.demo ? (await provider()).publish() : null;
    },
    async routes(app) {
      addMe(app);
      if (builtIn) await (await provider()).routes(app);
    },
    background: {
      async start() {
        await prepare();
        await verifying.start();
      },
      stop: verifying.stop,
    },
  };
}
