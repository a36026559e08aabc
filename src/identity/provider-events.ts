import type { errors, KoaContextWithOIDC, Provider } from 'oidc-provider';
import { ProblemError } from '../platform/problem.ts';
import type { Log } from '../platform/telemetry/log.ts';

/** The provider's own faults and refusals in the log; a database that is away is told as 503, not as a fault. */
export function watchProvider(provider: Provider, log: Log): void {
  const refused = (what: string) => (ctx: KoaContextWithOIDC, error: errors.OIDCProviderError) => {
    log.warn(
      { security: true, client: ctx.oidc?.client?.clientId, error: error.error, detail: error.error_detail, grant_type: grantType(ctx) },
      what,
    );
  };
  provider.on('grant.error', refused('token_request_refused'));
  const revocation = refused('revocation_refused');
  // A JWT is "unsupported" to the provider: it is given back beside it.
  provider.on('revocation.error', (ctx, error) => (error.error === 'unsupported_token_type' ? undefined : revocation(ctx, error)));
  provider.on('authorization.error', refused('authorization_refused'));
  provider.on('grant.revoked', (ctx, grantId) => {
    if (ctx.oidc?.route === 'token')
      log.warn({ security: true, client: ctx.oidc.client?.clientId, grant: grantId }, 'grant_revoked_after_reuse');
  });
  provider.on('server_error', (ctx: KoaContextWithOIDC, error: Error) => {
    if (error instanceof ProblemError && error.status === 503) {
      ctx.status = 503;
      ctx.set('retry-after', String(error.retryAfter ?? 2));
      ctx.body = { error: 'temporarily_unavailable', error_description: error.message };
      return;
    }
    log.error({ err: error, route: ctx.oidc?.route }, 'identity_fault');
  });
}

const grantType = (ctx: KoaContextWithOIDC): unknown => (ctx.oidc?.params as { grant_type?: unknown } | undefined)?.grant_type;
