import type { Database } from '../platform/db/database.ts';
import type { Cause, Door } from '../platform/db/door.ts';
import { traceId } from '../platform/id.ts';
import type { Slice } from '../platform/slice.ts';
import type { Log } from '../platform/telemetry/log.ts';
import { bootstrapDemo } from './bootstrap.ts';
import { demoCredentials, writeCredentials } from './credentials-file.ts';
import { createKeySource, remoteKeys } from './key-source.ts';
import { loadProviderKeys, publicKeys } from './keys.ts';
import { addMe } from './me.ts';
import { mountProvider } from './mount.ts';
import { createPasswords } from './passwords.ts';
import { createProvider } from './provider.ts';
import { createRevocations } from './revocations.ts';
import { createSeal, secretOf } from './sealing.ts';
import { createSignIn, demoPeople } from './sign-in.ts';
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
}

export interface Identity extends Slice {
  readonly background: { start(): Promise<void>; stop(): Promise<void> };
  /** For the HTTP layer and the stream. */
  readonly authenticate: Authenticate;
  /** Keys and accounts are there when this is done; before the first request, after the migrations. Safe to call again. @throws SealBroken */
  prepare(): Promise<void>;
  /** Writes `demo-credentials.json` with the address as it is now: after listening. The path of the file, or null when there is no demo. */
  publish(): Promise<string | null>;
}

const SYSTEM = { subject: 'system', name: 'identity', kind: 'system' } as const;
const systemCause = (): Cause => ({ actor: SYSTEM, requestId: null, traceId: traceId() });

/** Calls once; a failure is not kept, so that the next call tries again. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** The keys of the house: who comes in (OpenID provider), who is asking (`authenticate`), and the accounts of the demo. */
export function identity(deps: IdentityDeps): Identity {
  const { db, door, log, audience, dataDir } = deps;
  const revocations = createRevocations(db, log);
  const builtIn = !deps.outside;
  const keys = createKeySource({ load: deps.outside ? remoteKeys(deps.outside.issuer, deps.outside.jwksUrl) : () => publicKeys(db), log });

  let verifier: Authenticate | undefined;
  const authenticate: Authenticate = (token, request) => {
    verifier ??= createVerifier({
      issuer: deps.outside?.issuer ?? deps.baseUrl(),
      audience,
      keys,
      outside: !builtIn,
      revoked: revocations.has,
      log,
    });
    return verifier(token, request);
  };

  const seal = once(async () => createSeal(deps.secret ?? (await secretOf(dataDir))));
  const passwords = createPasswords();
  const providerKeys = once(async () => loadProviderKeys(door, await seal(), systemCause()));
  const secrets = once(async () => bootstrapDemo({ door, seal: await seal(), passwords, cause: systemCause() }));
  const people = once(() => demoPeople(db));
  const provider = once(async () =>
    createProvider({
      db,
      log,
      baseUrl: deps.baseUrl(),
      audience,
      keys: await providerKeys(),
      tokenLifetimeSeconds: deps.tokenLifetimeSeconds ?? 900,
      revokeAccessToken: (token, clientId) => revocations.revoke(token, clientId, authenticate),
    }),
  );

  async function prepare(): Promise<void> {
    if (!builtIn) return;
    await providerKeys();
    if (deps.demo) await secrets();
  }

  return {
    name: 'identity',
    authenticate,
    prepare,
    async publish() {
      if (!builtIn || !deps.demo) return null;
      return writeCredentials(dataDir, demoCredentials(deps.baseUrl(), audience, await secrets()));
    },
    async routes(app) {
      addMe(app);
      if (!builtIn) return;
      await mountProvider(app, {
        provider,
        baseUrl: deps.baseUrl,
        signIn: createSignIn({ db, door, log, passwords }),
        demo: async () => (deps.demo ? people() : []),
      });
    },
    background: {
      async start() {
        await prepare();
        await revocations.start();
      },
      stop: revocations.stop,
    },
  };
}
