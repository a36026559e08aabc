import { hash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '../problem.ts';
import type { App } from './app.ts';
import type { BodyWatch } from './body-watch.ts';
import { readJson, textOf } from './json.ts';

/** sha256 of what a request says: method, address with its query, and its body, which is UTF-8 or refused. */
export function hashRequest(request: FastifyRequest, text: string): string {
  return hash('sha256', `${request.method} ${request.url}\n${text}`);
}

/** Idempotency-Key: 1 to 255 printable ASCII characters. */
const KEY = /^[\x20-\x7e]{1,255}$/;

/**
 * JSON and nothing else, unless a route brings a parser of its own (in its encapsulated context, with `addContentTypeParser`): there is no parser
 * for unknown types, so that they end in 415. The default text parser is taken out.
 */
export function addBodyParsing(app: App, bodies: BodyWatch): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    try {
      const text = textOf(body);
      if (request.headers['idempotency-key'] !== undefined) request.bodyHash = hashRequest(request, text);
      if (body.length === 0) {
        if (request.route.config.optionalBody !== true) throw new ProblemError('malformed_json', { detail: 'The body is empty' });
        done(null, undefined);
      } else done(null, readJson(body, text));
    } catch (error) {
      done(error as Error, undefined);
    }
  });

  app.addHook('preValidation', (request, _reply, done) => {
    bodies.forget(request);
    if (request.method !== 'POST' && request.method !== 'PUT') return done();
    const key = request.headers['idempotency-key'];
    if (key !== undefined && request.method === 'POST' && (typeof key !== 'string' || !KEY.test(key)))
      return done(problem('header -> idempotency-key', 'must be 1 to 255 printable ASCII characters', 'maxLength'));
    if (request.body === undefined) {
      const { config, schema } = request.route;
      if (config.optionalBody === true) request.body = {};
      else if ((schema as { body?: unknown } | undefined)?.body !== undefined)
        return done(problem('body', 'A body is required', 'required'));
    }
    done();
  });
}

function problem(field: string, message: string, constraint: string): ProblemError {
  return new ProblemError('validation_error', { details: [{ field, message, constraint }] });
}
