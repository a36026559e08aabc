import type { App } from '../http/app.ts';

/** A room of the application where a body is whatever comes and is left unread: its routes take it from the request as a stream. */
export async function unreadBodies(app: App, routes: (scope: App) => void): Promise<void> {
  await app.register((scope, _options, registered) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
    routes(scope as unknown as App);
    registered();
  });
}
