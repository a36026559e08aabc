import type { Cause } from '../platform/db/door.ts';
import type { App } from '../platform/http/app.ts';
import { traceId } from '../platform/id.ts';
import { addressLimits } from './address-limits.ts';
import { bootstrapDemo } from './bootstrap.ts';
import { demoCredentials, writeCredentials } from './credentials-file.ts';
import type { IdentityDeps } from './index.ts';
import { loadProviderKeys } from './keys.ts';
import { mountProvider } from './mount.ts';
import { createPasswords } from './passwords.ts';
import { createProvider } from './provider.ts';
import { createSeal, secretOf } from './sealing.ts';
import { createSignIn, demoPeople } from './sign-in.ts';

/** The built-in OpenID provider with its accounts. */
export interface BuiltIn {
  /** Signing keys and, in a demo, accounts are there when this is done. @throws SealBroken */
  prepare(): Promise<void>;
  /** Writes `demo-credentials.json`; its path. */
  publish(): Promise<string>;
  routes(app: App): Promise<void>;
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

export function openBuiltIn(deps: IdentityDeps, revokeAccessToken: (token: string, clientId: string) => Promise<void>): BuiltIn {
  const { db, door, log, audience, dataDir } = deps;
  const seal = once(async () => createSeal(deps.secret ?? (await secretOf(dataDir))));
  const passwords = createPasswords();
  const providerKeys = once(async () => loadProviderKeys(door, await seal(), systemCause()));
  const secrets = once(async () => bootstrapDemo({ door, seal: await seal(), passwords, cause: systemCause() }));
  const limits = addressLimits(deps.shareLimit);
  const people = once(() => demoPeople(db));
  const provider = once(async () =>
    createProvider({
      db,
      log,
      baseUrl: deps.baseUrl(),
      audience,
      keys: await providerKeys(),
      tokenLifetimeSeconds: deps.tokenLifetimeSeconds ?? 900,
      revokeAccessToken,
    }),
  );
  return {
    async prepare() {
      await providerKeys();
      if (deps.demo) await secrets();
    },
    publish: async () => writeCredentials(dataDir, demoCredentials(deps.baseUrl(), audience, await secrets())),
    routes: (app) =>
      mountProvider(app, {
        provider,
        baseUrl: deps.baseUrl,
        signIn: createSignIn({ db, door, log, passwords }),
        limits,
        log,
        demo: async () => (deps.demo ? people() : []),
      }),
  };
}
