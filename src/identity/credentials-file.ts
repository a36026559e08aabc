import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DemoSecrets } from './bootstrap.ts';
import { scopesOf } from './claims.ts';
import { DEMO_CLIENTS, DEMO_PEOPLE } from './demo-accounts.ts';
import { PATHS } from './provider.ts';

/** `demo-credentials.json` of a data directory: the address of this start, the secrets of the first. */
export interface DemoCredentials {
  issuer: string;
  token_endpoint: string;
  audience: string;
  users: { username: string; password: string; roles: string[]; site: string }[];
  clients: { client_id: string; client_secret: string; scopes: string[]; station_id?: string; site: string }[];
}

export function demoCredentials(baseUrl: string, audience: string, secrets: DemoSecrets): DemoCredentials {
  return {
    issuer: baseUrl,
    token_endpoint: `${baseUrl}${PATHS.token}`,
    audience,
    users: DEMO_PEOPLE.map(({ username, role, site }) => ({ username, password: secrets.people[username] ?? '', roles: [role], site })),
    clients: DEMO_CLIENTS.map(({ client_id, role, station_id, site }) => ({
      client_id,
      client_secret: secrets.clients[client_id] ?? '',
      scopes: [...scopesOf([role])],
      ...(station_id === null ? {} : { station_id }),
      site,
    })),
  };
}

/** Mode 0600, whole or not at all: written beside and moved. */
export async function writeCredentials(dataDir: string, credentials: DemoCredentials): Promise<string> {
  await mkdir(dataDir, { recursive: true });
  const file = join(dataDir, 'demo-credentials.json');
  const draft = `${file}.${process.pid}.tmp`;
  await writeFile(draft, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, file);
  return file;
}
