import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/**
 * Tokens for the command line, by the real flows, against a running platform. Plays the browser where a person signs in: this file needs
 * nothing of the platform but its addresses.
 */

const CLIENT_ID = 'command-line';
const TIMEOUT_MS = 20_000;
const MAX_STEPS = 12;

const request = (url: string | URL, init: RequestInit = {}): Promise<Response> =>
  fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) }).catch((cause: Error) => {
    throw new Error(`The platform does not answer at ${new URL(url).origin}`, { cause });
  });

async function tokenFrom(response: Response): Promise<string> {
  const body = (await response.json().catch(() => ({}))) as { access_token?: string; error?: string; error_description?: string };
  if (response.ok && body.access_token) return body.access_token;
  throw new Error(`No token: ${[response.status, body.error, body.error_description].filter(Boolean).join(' ')}`);
}

const form = (fields: Record<string, string>) => ({ method: 'POST', body: new URLSearchParams(fields) });

/** Client credentials by HTTP Basic; the token holds all that the client may have. @throws Error with the provider's words */
export async function tokenForClient(options: { tokenEndpoint: string; id: string; secret: string }): Promise<string> {
  const login = Buffer.from(`${encodeURIComponent(options.id)}:${encodeURIComponent(options.secret)}`).toString('base64');
  return tokenFrom(
    await request(options.tokenEndpoint, { ...form({ grant_type: 'client_credentials' }), headers: { authorization: `Basic ${login}` } }),
  );
}

/** Cookies by name; one host, a minute long, so paths and ages do not matter. */
class Jar {
  readonly #cookies = new Map<string, string>();

  take(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';', 1);
      const at = pair.indexOf('=');
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }

  get header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}

interface Discovery {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
}

async function discover(issuer: string): Promise<Discovery> {
  const found = (await (await request(`${issuer}/.well-known/openid-configuration`)).json()) as Discovery;
  if (found.issuer !== issuer) throw new Error(`${issuer} says that it is ${found.issuer}`);
  return found;
}

/** Walks the redirects of one sign-in until they lead to `redirectUri`; fills in the sign-in page when it comes. */
async function walk(start: URL, redirectUri: string, login: { username: string; password: string }): Promise<URL> {
  const jar = new Jar();
  let address = start;
  let init: RequestInit = {};
  let signedIn = false;
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const response = await request(address, { ...init, headers: { cookie: jar.header } });
    jar.take(response);
    init = {};
    const location = response.headers.get('location');
    if (location !== null) {
      address = new URL(location, address);
      if (address.origin !== start.origin) throw new Error(`The sign-in leads to another host: ${address.origin}`);
      if (`${address.origin}${address.pathname}` === redirectUri) return address;
      continue;
    }
    const text = await response.text();
    const fault = /role="alert">([^<]*)</.exec(text)?.[1];
    if (signedIn || !response.ok || !text.includes('name="password"'))
      throw new Error(fault ?? `The sign-in ended with ${response.status}`);
    signedIn = true;
    init = form(login);
  }
  throw new Error('The sign-in does not come to an end');
}

/** Authorization code with PKCE. @throws Error with the words of the sign-in page or of the provider */
export async function tokenForUser(options: { issuer: string; username: string; password: string }): Promise<string> {
  const { issuer, username, password } = options;
  const { authorization_endpoint, token_endpoint } = await discover(issuer);
  const redirectUri = `${issuer}/oidc/command-line`;
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const start = new URL(authorization_endpoint);
  start.search = new URLSearchParams({
    response_type: 'code',
    client_id: CLIENT_ID,
    redirect_uri: redirectUri,
    scope: 'openid profile',
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString();
  const { searchParams } = await walk(start, redirectUri, { username, password });
  const code = searchParams.get('code');
  if (code === null) throw new Error(searchParams.get('error_description') ?? searchParams.get('error') ?? 'No code came back');
  if (searchParams.get('state') !== state || searchParams.get('iss') !== issuer)
    throw new Error('The code is not the answer to this request');
  return tokenFrom(
    await request(
      token_endpoint,
      form({ grant_type: 'authorization_code', client_id: CLIENT_ID, code, code_verifier: verifier, redirect_uri: redirectUri }),
    ),
  );
}

interface Credentials {
  issuer: string;
  token_endpoint: string;
  users: { username: string; password: string }[];
  clients: { client_id: string; client_secret: string; station_id?: string }[];
}

/** The access token of a client (its id or its station) or of a user of a `demo-credentials.json`. @throws Error in words for the person at the keyboard */
export async function demoToken(file: string, who: { client?: string | undefined; user?: string | undefined }): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new Error(`${file} cannot be read: start the platform first, or set CQP_DATA_DIR`);
  });
  const credentials = JSON.parse(text) as Credentials;
  if (who.client !== undefined) {
    const client = credentials.clients.find((one) => one.client_id === who.client || one.station_id === who.client);
    if (!client) throw new Error(`No client ${who.client}; there are ${credentials.clients.map((one) => one.client_id).join(', ')}`);
    return tokenForClient({ tokenEndpoint: credentials.token_endpoint, id: client.client_id, secret: client.client_secret });
  }
  const user = credentials.users.find((one) => one.username === who.user);
  if (!user) throw new Error(`No user ${who.user}; there are ${credentials.users.map((one) => one.username).join(', ')}`);
  return tokenForUser({ issuer: credentials.issuer, username: user.username, password: user.password });
}
