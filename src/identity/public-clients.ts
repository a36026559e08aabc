import type { ClientMetadata } from 'oidc-provider';

/** The dashboard: a page in a browser, so it has no secret; PKCE proves that who asked is who gets. */
const DASHBOARD = 'dashboard';
/** `main.ts token --user`: plays the browser itself and reads the code from the last redirect, which nothing serves. */
const COMMAND_LINE = 'command-line';

const commandLineRedirect = (baseUrl: string): string => `${baseUrl}/oidc/command-line`;

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** A platform on the loopback is opened under any of its names. */
function origins(baseUrl: string): string[] {
  const url = new URL(baseUrl);
  if (!LOOPBACK.includes(url.hostname)) return [baseUrl];
  const port = url.port === '' ? '' : `:${url.port}`;
  return [...new Set([baseUrl, ...LOOPBACK.map((host) => `${url.protocol}//${host}${port}`)])];
}

/** First-party clients of this platform: not in the database, because their addresses follow the address of this start. */
export function publicClient(id: string, baseUrl: string): ClientMetadata | undefined {
  const shared = {
    client_id: id,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  } as const satisfies ClientMetadata;
  if (id === DASHBOARD)
    return {
      ...shared,
      grant_types: [...shared.grant_types],
      response_types: [...shared.response_types],
      client_name: 'Dashboard',
      redirect_uris: origins(baseUrl).map((origin) => `${origin}/callback`),
      post_logout_redirect_uris: origins(baseUrl).map((origin) => `${origin}/`),
    };
  if (id === COMMAND_LINE)
    return {
      ...shared,
      grant_types: ['authorization_code'],
      response_types: [...shared.response_types],
      client_name: 'Command line',
      redirect_uris: [commandLineRedirect(baseUrl)],
    };
  return undefined;
}
