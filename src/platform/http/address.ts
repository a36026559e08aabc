import type { FastifyRequest } from 'fastify';
import type { ProblemDetail } from '../../contracts/problems.ts';
import { ProblemError } from '../problem.ts';
import type { App } from './app.ts';
import { detailsOf } from './validation.ts';

/** The one way to write U+0000 in an address: bytes that are no UTF-8 are refused by the router or stay as they are. */
const NUL = '%00';

/** PostgreSQL keeps no U+0000 in a text: asked for one, it would fail a statement. In a path it names no record, in a query it is no value. */
function nulFault(request: FastifyRequest, query: number): ProblemError | null {
  const at = request.url.indexOf(NUL);
  if (at === -1) return null;
  if (query === -1 || at < query) return new ProblemError('not_found');
  const names = Object.entries(request.query as Record<string, unknown>)
    .filter((pair) => pair.flat().some((text) => String(text).includes('\0')))
    .map(([name]) => name.replaceAll('\0', ''));
  const details = names.map(
    (name): ProblemDetail => ({ field: `query -> ${name}`, message: 'U+0000 is not text', constraint: 'characters' }),
  );
  return new ProblemError('validation_error', { details });
}

/** Routes of the API that say nothing of a query take none; the stream, the pages, the sign-in and the Open Inference Protocol have their own ways. */
function takesNoQuery({ url = '', config, schema }: FastifyRequest['route']): boolean {
  const said = (schema as { querystring?: unknown } | undefined)?.querystring;
  return said === undefined && url.startsWith('/v1/') && config.permission !== 'none' && config.subprotocolToken !== true;
}

/** Whether the query asks for a long wait (`wait=20`, seconds). Only a route that has the parameter may be asked: others know none. */
export const asksToWait = (request: FastifyRequest): boolean =>
  request.url.includes('wait=') && Number((request.query as { wait?: unknown }).wait) > 0;

/**
 * What no route has to think of: an address holds no U+0000 (404 in the path, 422 in the query), and a parameter that a route does not know is 422 also
 * where the route has no query at all. An address without `?` and `%00` costs two looks at its characters: the create path is one.
 */
export function addAddressJudgement(app: App): void {
  app.addHook('preValidation', (request, _reply, done) => {
    const query = request.url.indexOf('?');
    const fault = nulFault(request, query);
    if (fault !== null) return done(fault);
    if (query === -1 || !takesNoQuery(request.route)) return done();
    const unknown = Object.keys(request.query as object).map((name) => ({
      keyword: 'additionalProperties',
      instancePath: '',
      schemaPath: '',
      params: { additionalProperty: name },
    }));
    if (unknown.length === 0) return done();
    done(new ProblemError('validation_error', { details: detailsOf(unknown, 'querystring', request.query) }));
  });
}
