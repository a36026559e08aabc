/** How a station proves who it is. */
export type Credentials =
  | { clientId: string; clientSecret: string /** From the platform's discovery document when left out. */; tokenEndpoint?: string }
  /** A token of any other source, asked for when the last one was refused or is a minute old; 20 s are waited for it. */
  | { token: () => Promise<string> };

export interface Answer {
  status: number;
  text: string;
  /** Seconds that the platform asks to wait. */
  retryAfter: number | null;
  /** The platform's clock when it answered (milliseconds); null when it does not say. */
  at: number | null;
}

export interface Call {
  method: 'GET' | 'POST';
  path: string;
  body?: { type: string; bytes: Uint8Array | string };
  /** Idempotency-Key. */
  key?: string;
  timeoutMs?: number;
}

/** Longest answer to a call, and to one that carries a file (milliseconds). */
const CALL_MS = 30_000;
const TOKEN_MS = 20_000;
/** Bytes of an answer; the longest is a batch's. */
const ANSWER_BYTES = 64 * 1024 * 1024;
const FOREIGN_TOKEN_SECONDS = 60;

async function textOf(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body ?? []) {
    size += part.length;
    if (size > ANSWER_BYTES) throw new Error('The answer is too long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Seconds or a date (RFC 9110, 10.2.3). */
export function secondsOf(header: string | null, now = Date.now()): number | null {
  if (header === null) return null;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : null;
}

/** What comes of a promise that knows no signal. @throws the signal's reason when that is sooner */
async function before<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const stop = () => late.reject(signal.reason);
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function timeOf(answer: Response): number | null {
  const at = Date.parse(answer.headers.get('date') ?? '');
  return Number.isNaN(at) ? null : at;
}

/** The public API over HTTP: every call is bounded in time, a token is fetched before it ends and anew when it was refused. */
export class Platform {
  readonly #url: string;
  readonly #credentials: Credentials;
  readonly #signal: AbortSignal;
  #token: { text: Promise<string>; until: number } | null = null;
  #endpoint: string | null = null;

  constructor({ url, credentials, signal }: { url: string; credentials: Credentials; signal: AbortSignal }) {
    this.#url = url.replace(/\/+$/, '');
    this.#credentials = credentials;
    this.#signal = signal;
  }

  /** Any status is an answer; only what brought none throws. */
  async call({ method, path, body, key, timeoutMs = CALL_MS }: Call): Promise<Answer> {
    const held = await this.#hold();
    const answer = await fetch(this.#url + path, {
      method,
      headers: {
        authorization: `Bearer ${held}`,
        ...(body ? { 'content-type': body.type } : {}),
        ...(key ? { 'idempotency-key': key } : {}),
      },
      ...(body ? { body: body.bytes as BodyInit } : {}),
      redirect: 'error',
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(timeoutMs)]),
    });
    const text = await textOf(answer);
    if (answer.status === 401) this.#token = null;
    return { status: answer.status, text, retryAfter: secondsOf(answer.headers.get('retry-after')), at: timeOf(answer) };
  }

  async #hold(): Promise<string> {
    if (this.#token === null || Date.now() >= this.#token.until) {
      const text = this.#fetchToken();
      const token = { text, until: Number.POSITIVE_INFINITY };
      this.#token = token;
      text.catch(() => {
        if (this.#token === token) this.#token = null;
      });
    }
    return this.#token.text;
  }

  async #fetchToken(): Promise<string> {
    if ('token' in this.#credentials) {
      const text = await before(AbortSignal.any([this.#signal, AbortSignal.timeout(TOKEN_MS)]), this.#credentials.token());
      if (this.#token) this.#token.until = Date.now() + FOREIGN_TOKEN_SECONDS * 1000;
      return text;
    }
    const { clientId, clientSecret, tokenEndpoint } = this.#credentials;
    this.#endpoint ??= tokenEndpoint ?? (await this.#discover());
    const answer = await fetch(this.#endpoint, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'grant_type=client_credentials',
      redirect: 'error',
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(TOKEN_MS)]),
    });
    const text = await textOf(answer);
    if (!answer.ok) throw new Error(`The token endpoint answered ${answer.status}: ${text.slice(0, 200)}`);
    const { access_token, expires_in = 300 } = JSON.parse(text) as { access_token: string; expires_in?: number };
    // Renewed after nine tenths of its life: what is on its way then still arrives in time.
    if (this.#token) this.#token.until = Date.now() + Math.max(1, expires_in * 0.9) * 1000;
    return access_token;
  }

  async #discover(): Promise<string> {
    const answer = await fetch(`${this.#url}/.well-known/openid-configuration`, {
      redirect: 'error',
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(TOKEN_MS)]),
    });
    if (!answer.ok) throw new Error(`The discovery document answered ${answer.status}`);
    return (JSON.parse(await textOf(answer)) as { token_endpoint: string }).token_endpoint;
  }
}
