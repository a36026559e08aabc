import type { Problem, ProblemCode, ProblemDetail } from '../../../src/contracts/problems.ts';
import type { Session } from '../session/session.ts';
import { hearDate } from './clock.ts';

/** What the platform answered instead of what was asked for; `status` 0 means that it was out of reach. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: ProblemCode | 'unreachable';
  readonly details: readonly ProblemDetail[];
  readonly requestId: string | null;
  constructor(
    status: number,
    code: ProblemCode | 'unreachable',
    message: string,
    details: readonly ProblemDetail[],
    requestId: string | null,
  ) {
    super(message);
    this.name = 'ApiProblem';
    this.status = status;
    this.code = code;
    this.details = details;
    this.requestId = requestId;
  }
}

export interface Ask {
  method?: 'GET' | 'POST' | 'PUT';
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  accept?: string;
  /** Version that the change was decided on; the platform answers 412 when the record moved on. */
  ifMatch?: number;
  /** Makes a repeated POST have one effect. */
  idempotencyKey?: string;
  signal?: AbortSignal;
  /** Lets the request outlive the page: decisions that are still to be sent when the page closes. */
  keepalive?: boolean;
}

export interface Api {
  json<T>(path: string, ask?: Ask): Promise<T>;
  blob(path: string, ask?: Ask): Promise<Blob>;
}

function address(path: string, query: Ask['query']): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined && value !== '') search.set(name, String(value));
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

async function problemOf(response: Response): Promise<ApiProblem> {
  try {
    const { detail, error } = (await response.json()) as Problem;
    return new ApiProblem(response.status, error.code, detail || error.message, error.details, error.request_id);
  } catch {
    const code = response.status === 503 ? 'overloaded' : 'internal_server_error';
    return new ApiProblem(response.status, code, `HTTP ${response.status}`, [], response.headers.get('x-request-id'));
  }
}

export function createApi(session: Pick<Session, 'token' | 'renew'>): Api {
  async function send(path: string, ask: Ask, token: string): Promise<Response> {
    const headers: Record<string, string> = { authorization: `Bearer ${token}`, accept: ask.accept ?? 'application/json' };
    if (ask.body !== undefined) headers['content-type'] = 'application/json';
    if (ask.ifMatch !== undefined) headers['if-match'] = `"${ask.ifMatch}"`;
    if (ask.idempotencyKey) headers['idempotency-key'] = ask.idempotencyKey;
    const sent = Date.now();
    const response = await fetch(address(path, ask.query), {
      method: ask.method ?? 'GET',
      headers,
      ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }),
      ...(ask.signal ? { signal: ask.signal } : {}),
      ...(ask.keepalive ? { keepalive: true } : {}),
    });
    hearDate(response.headers.get('date'), sent);
    return response;
  }

  async function answer(path: string, ask: Ask): Promise<Response> {
    let response: Response;
    try {
      response = await send(path, ask, await session.token());
      if (response.status === 401) response = await send(path, ask, await session.renew());
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') throw error;
      throw new ApiProblem(0, 'unreachable', error instanceof Error ? error.message : String(error), [], null);
    }
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  return {
    json: async <T>(path: string, ask: Ask = {}) => (await (await answer(path, ask)).json()) as T,
    blob: async (path, ask = {}) => (await answer(path, { accept: '*/*', ...ask })).blob(),
  };
}
