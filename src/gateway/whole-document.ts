import type { FastifyRequest } from 'fastify';
import { saidOf } from './forward-headers.ts';
import type { ServiceLink } from './service-link.ts';

/** As much of an OpenAPI document as is put together here. */
export interface OpenApi {
  tags: { name: string }[];
  paths: Record<string, Record<string, unknown>>;
  components: Record<string, Record<string, unknown>>;
}

export const DOCUMENT_PATH = '/api/v1/openapi.json';
/** A reader of the document waits for a service that is away no longer than this. */
const FETCH_MS = 1500;
/** A document changes with the version of its service. */
const KEPT_MS = 60_000;

/** Adds what the other describes and this one does not: operations, tags, shapes. */
function join(whole: OpenApi, part: OpenApi): OpenApi {
  const merged = <T>(one: Record<string, Record<string, T>>, other: Record<string, Record<string, T>>) => {
    const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
    return Object.fromEntries(names.map((name) => [name, { ...other[name], ...one[name] }]));
  };
  const known = new Set(whole.tags.map(({ name }) => name));
  return {
    ...whole,
    tags: [...whole.tags, ...part.tags.filter(({ name }) => !known.has(name))],
    paths: merged(whole.paths, part.paths),
    components: merged(whole.components, part.components),
  };
}

/** What the services elsewhere tell of themselves, kept for a minute. A service that does not tell is left out, and asked again the next time. */
export function readDocuments(links: readonly ServiceLink[]): (own: OpenApi, request: FastifyRequest) => Promise<OpenApi> {
  const kept = new Map<ServiceLink, { until: number; document: OpenApi }>();

  async function documentOf(link: ServiceLink, request: FastifyRequest): Promise<OpenApi | undefined> {
    const found = kept.get(link);
    if (found !== undefined && found.until > performance.now()) return found.document;
    try {
      const { statusCode, body } = await link.send({
        method: 'GET',
        path: DOCUMENT_PATH,
        headers: saidOf(request),
        body: null,
        lane: 'quick',
        timeoutMs: FETCH_MS,
        signal: AbortSignal.timeout(FETCH_MS),
      });
      const text = await body.text();
      if (statusCode !== 200) return found?.document;
      const document = JSON.parse(text) as OpenApi;
      kept.set(link, { until: performance.now() + KEPT_MS, document });
      return document;
    } catch {
      return found?.document;
    }
  }

  return async (own, request) => {
    const documents = await Promise.all(links.map((link) => documentOf(link, request)));
    return documents.reduce<OpenApi>((whole, part) => (part === undefined ? whole : join(whole, part)), own);
  };
}
