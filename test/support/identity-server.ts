import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { DemoCredentials } from '../../src/identity/credentials-file.ts';
import { type Identity, identity } from '../../src/identity/index.ts';
import { createApp } from '../../src/platform/http/app.ts';
import { freePort } from '../../src/platform/ports.ts';
import { createLog } from '../../src/platform/telemetry/log.ts';
import type { TestDatabase } from './database.ts';

export interface IdentityServer {
  readonly url: string;
  readonly dataDir: string;
  readonly credentials: DemoCredentials;
  readonly identity: Identity;
  /** What was logged as a security event, oldest first. */
  readonly security: Record<string, unknown>[];
  stop(): Promise<void>;
}

/** The identity slice alone, on a real port, with a route behind a token (`/v1/me`). */
export async function startIdentity(
  database: TestDatabase,
  options: { dataDir?: string; port?: number; secret?: string | null; outside?: { issuer: string; jwksUrl: string | null } } = {},
): Promise<IdentityServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'cqp-identity-')));
  const port = options.port ?? (await freePort());
  const url = `http://localhost:${port}`;
  const security: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      for (const line of String(chunk).trim().split('\n')) {
        const entry = JSON.parse(line) as Record<string, unknown>;
        if (entry.security === true) security.push(entry);
      }
      done();
    },
  });
  const log = createLog({ level: 'warn', service: 'test', destination });
  const slice = identity({
    db: database.db,
    door: database.door,
    log,
    baseUrl: () => url,
    audience: 'chip-quality-platform',
    dataDir,
    secret: options.secret ?? null,
    demo: true,
    outside: options.outside ?? null,
  });
  const app = await createApp({ authenticate: slice.authenticate, log, maxDelayMs: 60_000 });
  await slice.routes?.(app);
  await app.ready();
  await slice.background.start();
  await app.listen({ host: 'localhost', port });
  const file = await slice.publish();
  return {
    url,
    dataDir,
    credentials: file === null ? (undefined as never) : (JSON.parse(await readFile(file, 'utf8')) as DemoCredentials),
    identity: slice,
    security,
    async stop() {
      await app.close();
      await slice.background.stop();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A browser without a screen: keeps cookies, follows nothing by itself. */
export class Browser {
  readonly #cookies = new Map<string, string>();

  async open(url: string | URL, form?: Record<string, string>): Promise<Response> {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...this.#cookies].map((pair) => pair.join('=')).join('; '), accept: 'text/html' },
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }

  /** Follows redirects until something is shown, or the address begins with `until`. */
  async follow(response: Response, until: string): Promise<{ address: URL; response: Response }> {
    let address = new URL(response.url);
    let last = response;
    for (let step = 0; step < 10; step += 1) {
      const location = last.headers.get('location');
      if (location === null) return { address, response: last };
      address = new URL(location, address);
      if (address.href.startsWith(until)) return { address, response: last };
      last = await this.open(address);
    }
    throw new Error('no end of redirects');
  }
}
