import { type User, UserManager, WebStorageStateStore } from 'oidc-client-ts';
import type { OutsideSignIn } from '../../../src/contracts/identity.ts';
import { ALL_SCOPES } from '../../../src/contracts/permissions.ts';

/**
 * Signed-in state of this tab. Tokens live in the tab's session storage and go when it closes; they are renewed with the
 * refresh token shortly before they end, so that a wall screen stays on for weeks.
 */
export interface Session {
  /** Resolves to a usable access token; sends the browser to the provider when there is none to be had. */
  token(): Promise<string>;
  /**
   * After a 401: one renewal shared by all callers, else a new sign-in that comes back to this address. A token of a sign-in a moment ago is
   * answered again instead: another sign-in would give the like of it, and so on without end.
   */
  renew(): Promise<string>;
  signIn(): Promise<void>;
  /** The browser is being led away to sign in or out: no request is answered any more. */
  leaving(): boolean;
  signOut(): Promise<void>;
}

const SIGNED_OUT = 'cqp.signed-out';
/** The provider could not be told, or knows no end of a session: who signs in next is asked who they are all the same. */
const HERE_ALONE = 'here';
const CALLBACK = '/callback';
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** A sign-in is as good as the one before for so long, ms. */
const FRESH = 60_000;

/** What the platform wrote into the page; null: its own provider. */
function outsideSignIn(): OutsideSignIn | null {
  const said = document.querySelector<HTMLMetaElement>('meta[name="sign-in"]')?.content;
  return said ? (JSON.parse(said) as OutsideSignIn) : null;
}

export function createSession(origin = window.location.origin): Session & { start(): Promise<'signed-in' | 'signed-out' | 'leaving'> } {
  const outside = outsideSignIn();
  const manager = new UserManager({
    authority: outside?.issuer ?? origin,
    client_id: outside?.client_id ?? 'dashboard',
    redirect_uri: `${origin}${CALLBACK}`,
    post_logout_redirect_uri: `${origin}/`,
    response_type: 'code',
    scope: outside?.scope ?? ['openid', 'profile', 'offline_access', ...ALL_SCOPES].join(' '),
    extraTokenParams: { ...outside?.audience },
    userStore: new WebStorageStateStore({ store: window.sessionStorage }),
    stateStore: new WebStorageStateStore({ store: window.sessionStorage }),
    // Its own renewal would leave out the audience, and without a refresh token try a frame that the page's policy forbids.
    automaticSilentRenew: false,
    accessTokenExpiringNotificationTimeInSeconds: 60,
    loadUserInfo: false,
    monitorSession: false,
    revokeTokenTypes: ['refresh_token'],
  });
  let renewing: Promise<User | null> | null = null;
  let departing: Promise<void> | null = null;
  let signedInAt = Number.NEGATIVE_INFINITY;
  /** On the way out: what the page still asks for must not sign in again. */
  let leaving = false;
  /** On the way to the sign-in. */
  let going = false;

  const here = () => window.location.pathname + window.location.search;
  const never = () => new Promise<never>(() => undefined);

  /** A platform on this machine is opened under several names, but signs in under one: the issuer's. */
  async function issuerElsewhere(): Promise<string | null> {
    if (outside) return null;
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
    const stillThere = window.sessionStorage.getItem(SIGNED_OUT) === HERE_ALONE;
    window.sessionStorage.removeItem(SIGNED_OUT);
    await manager.signinRedirect({
      state: here(),
      extraQueryParams: { ...outside?.audience },
      ...(stillThere ? { prompt: 'login' } : {}),
    });
  }

  async function leave(): Promise<never> {
    if (leaving) return never();
    going = true;
    departing ??= signIn()
      .catch((error: unknown) => {
        going = false;
        throw error;
      })
      .finally(() => {
        departing = null;
      });
    await departing;
    return never();
  }

  async function renewed(): Promise<User | null> {
    const user = await manager.getUser();
    if (!user?.refresh_token) return null;
    // Without a scope it is what was granted (RFC 6749, 6): an outside provider may tell of it in words that it does not take back.
    const asked = outside ? { ...outside.audience, scope: undefined } : {};
    return manager.signinSilent({ extraTokenParams: asked }).catch((error: unknown) => {
      // Offline is no reason to sign in again: the caller shows that the platform is out of reach.
      if (error instanceof TypeError) throw error;
      return null;
    });
  }

  /** One at a time: a refresh token works once. Null: there is none, or it was refused. */
  function renewal(): Promise<User | null> {
    renewing ??= renewed().finally(() => {
      renewing = null;
    });
    return renewing;
  }

  async function usable(user: User | null): Promise<string> {
    if (leaving) return never();
    if (user && !user.expired) return user.access_token;
    const next = await renewal();
    if (next && !next.expired) return next.access_token;
    return leave();
  }

  // Who is offline now renews when a token is asked for.
  manager.events.addAccessTokenExpiring(() => void renewal().catch(() => undefined));

  return {
    async start() {
      if (window.location.pathname === CALLBACK) {
        const user = await manager.signinRedirectCallback();
        signedInAt = Date.now();
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
    async renew() {
      const user = await manager.getUser();
      const again = user && !user.expired && !user.refresh_token && Date.now() - signedInAt < FRESH;
      return usable(again ? user : null);
    },
    signIn,
    leaving: () => leaving || going,
    async signOut() {
      leaving = true;
      window.sessionStorage.setItem(SIGNED_OUT, 'yes');
      // What cannot be given back now ends by itself; the provider's session has to end whatever comes of it.
      await manager.revokeTokens().catch(() => undefined);
      try {
        await manager.signoutRedirect();
      } catch {
        window.sessionStorage.setItem(SIGNED_OUT, HERE_ALONE);
        await manager.removeUser();
        window.location.assign('/');
      }
    },
  };
}
