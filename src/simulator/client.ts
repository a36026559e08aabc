import { setTimeout as pause } from 'node:timers/promises';

/** A client as `demo-credentials.json` lists it. */
export interface ClientCredentials {
  client_id: string;
  client_secret: string;
  station_id?: string;
  site: string;
}
/** The file that the platform writes into its data directory at every start on embedded data. */
export interface Credentials {
  token_endpoint: string;
  clients: ClientCredentials[];
}

/** The platform answered with an error that trying again does not mend. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

interface Body {
  type: string;
  bytes: Uint8Array | string;
}

const TRY_AGAIN = new Set([429, 502, 503, 504]);

/**
 * The public API as an OAuth client sees it: a token by client credentials, renewed before it ends; every call bounded in time; 429 and 503 tried
 * again as `Retry-After` says, and so are broken connections. A POST carries one Idempotency-Key over all its tries, so that none counts twice.
 */
export class PlatformClient {
  readonly #url: string;
  readonly #tokenEndpoint: string;
  readonly #client: ClientCredentials;
  readonly #signal: AbortSignal;
  readonly #tries: number;
  #token: Promise<string> | undefined;
  #until = 0;

  constructor(options: { url: string; tokenEndpoint: string; client: ClientCredentials; signal?: AbortSignal; tries?: number }) {
    this.#url = options.url.replace(/\/$/, '');
    this.#tokenEndpoint = options.tokenEndpoint;
    this.#client = options.client;
    this.#signal = options.signal ?? new AbortController().signal;
    this.#tries = options.tries ?? 8;
  }

  async #fetchToken(): Promise<string> {
    const { client_id, client_secret } = this.#client;
    const answer = await fetch(this.#tokenEndpoint, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${encodeURIComponent(client_id)}:${encodeURIComponent(client_secret)}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'grant_type=client_credentials',
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(20_000)]),
    });
    if (!answer.ok) throw new Refused(answer.status, `the token endpoint answered ${answer.status}: ${await answer.text()}`);
    const { access_token, expires_in } = (await answer.json()) as { access_token: string; expires_in: number };
    this.#until = Date.now() + Math.max(5, expires_in - 60) * 1000;
    return access_token;
  }

  /** A token that holds for at least a minute more (or for as long as its issuer gives). */
  token(): Promise<string> {
    if (this.#token === undefined || (this.#until !== 0 && Date.now() >= this.#until)) {
      this.#until = 0;
      this.#token = this.#fetchToken();
      this.#token.catch(() => {
        this.#token = undefined;
      });
    }
    return this.#token;
  }

  async call<T>(method: string, path: string, body?: Body): Promise<T> {
    const key = method === 'POST' ? crypto.randomUUID() : undefined;
    for (let attempt = 1; ; attempt += 1) {
      let wait = Math.min(10, 0.2 * 2 ** attempt) * (0.5 + Math.random());
      try {
        const answer = await fetch(this.#url + path, {
          method,
          headers: {
            authorization: `Bearer ${await this.token()}`,
            ...(key ? { 'idempotency-key': key } : {}),
            ...(body ? { 'content-type': body.type } : {}),
          },
          ...(body ? { body: body.bytes as BodyInit } : {}),
          signal: AbortSignal.any([this.#signal, AbortSignal.timeout(60_000)]),
        });
        const text = await answer.text();
        if (answer.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
        if (answer.status === 401) this.#token = undefined;
        if (!(TRY_AGAIN.has(answer.status) || (answer.status === 401 && attempt === 1)) || attempt >= this.#tries)
          throw new Refused(answer.status, `${method} ${path} answered ${answer.status}: ${text.slice(0, 500)}`);
        wait = Math.max(wait, Number(answer.headers.get('retry-after') ?? 0));
      } catch (error) {
        if (error instanceof Refused || this.#signal.aborted || attempt >= this.#tries) throw error;
      }
      await pause(wait * 1000, undefined, { signal: this.#signal });
    }
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }

  send<T>(method: 'POST' | 'PUT', path: string, value: unknown): Promise<T> {
    return this.call<T>(method, path, { type: 'application/json', bytes: JSON.stringify(value) });
  }

  upload<T>(method: 'POST' | 'PUT', path: string, bytes: Uint8Array, type: string): Promise<T> {
    return this.call<T>(method, path, { type, bytes });
  }
}
