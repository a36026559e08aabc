import { type User, UserManager, WebStorageStateStore } from 'oidc-client-ts';
import { ALL_SCOPES } from '../../../src/contracts/permissions.ts';

/**
 * Signed-in state of this tab. Tokens live in the tab's session storage and go when it closes; they are renewed with the
 * refresh token shortly before they end, so that a wall screen stays on for weeks.
 */
export interface Session {
  /** Resolves to a usable access token; sends the browser to the provider when there is none to be had. */
  token(): Promise<string>;
  /** After a 401: one renewal shared by all callers, else a new sign-in that comes back to this address. */
  renew(): Promise<string>;
  signIn(): Promise<void>;
  signOut(): Promise<void>;
}

export const SIGNED_OUT = 'cqp.signed-out';
const CALLBACK = '/callback';
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

export function createSession(origin = window.location.origin): Session & { start(): Promise<'signed-in' | 'signed-out' | 'leaving'> } {
  const manager = new UserManager({
    authority: origin,
    client_id: 'dashboard',
    redirect_uri: `${origin}${CALLBACK}`,
    post_logout_redirect_uri: `${origin}/`,
    response_type: 'code',
    scope: ['openid', 'profile', 'offline_access', ...ALL_SCOPES].join(' '),
    userStore: new WebStorageStateStore({ store: window.sessionStorage }),
    stateStore: new WebStorageStateStore({ store: window.sessionStorage }),
    automaticSilentRenew: true,
    accessTokenExpiringNotificationTimeInSeconds: 60,
    loadUserInfo: false,
    monitorSession: false,
    revokeTokenTypes: ['refresh_token'],
  });
  let renewing: Promise<string> | null = null;
  /** On the way out: what the page still asks for must not sign in again. */
  let leaving = false;

  const here = () => window.location.pathname + window.location.search;
  const never = () => new Promise<never>(() => undefined);

  /** A platform on this machine is opened under several names, but signs in under one: the issuer's. */
  async function issuerElsewhere(): Promise<string | null> {
    const issuer = new URL(await manager.metadataService.getIssuer());
    const both = LOOPBACK.has(issuer.hostname) && LOOPBACK.has(window.location.hostname);
    return both && issuer.origin !== origin ? issuer.origin : null;
  }

  async function signIn(): Promise<void> {
    const elsewhere = await issuerElsewhere();
    if (elsewhere) {
      window.location.replace(elsewhere + here());
      return;
    }
    window.sessionStorage.removeItem(SIGNED_OUT);
    await manager.signinRedirect({ state: here() });
  }

  async function leave(): Promise<never> {
    if (!leaving) await signIn();
    return never();
  }

  async function renewed(): Promise<string> {
    const user = await manager.getUser();
    if (user?.refresh_token) {
      const next = await manager.signinSilent().catch((error: unknown) => {
        // Offline is no reason to sign in again: the caller shows that the platform is out of reach.
        if (error instanceof TypeError) throw error;
        return null;
      });
      if (next && !next.expired) return next.access_token;
    }
    return leave();
  }

  async function usable(user: User | null): Promise<string> {
    if (leaving) return never();
    if (user && !user.expired) return user.access_token;
    renewing ??= renewed().finally(() => {
      renewing = null;
    });
    return renewing;
  }

  return {
    async start() {
      if (window.location.pathname === CALLBACK) {
        const user = await manager.signinRedirectCallback();
        window.history.replaceState(null, '', typeof user.state === 'string' ? user.state : '/');
        return 'signed-in';
      }
      const user = await manager.getUser();
      if (user && (!user.expired || user.refresh_token)) return 'signed-in';
      if (window.sessionStorage.getItem(SIGNED_OUT)) return 'signed-out';
      await signIn();
      return 'leaving';
    },
    token: async () => usable(await manager.getUser()),
    renew: () => usable(null),
    signIn,
    async signOut() {
      leaving = true;
      window.sessionStorage.setItem(SIGNED_OUT, 'yes');
      // What cannot be given back now ends by itself; the provider's session has to end whatever comes of it.
      await manager.revokeTokens().catch(() => undefined);
      try {
        await manager.signoutRedirect();
      } catch {
        await manager.removeUser();
        window.location.assign('/');
      }
    },
  };
}
