import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../src/platform/ports.ts';
import { pin, SERVER_CORE, type Side, startServer, type Tokens } from './side.ts';

const SERVERS = fileURLToPath(new URL('../load/servers.ts', import.meta.url));

/** A server of bench/load/servers.ts: `control`, `fastify_bare`, `node_http`, or a step between them. They take our tokens and keep nothing. */
export async function startPlain(
  kind: string,
  { issuer, audience, tokens }: { issuer: string; audience: string; tokens: Tokens },
  folder: string,
): Promise<Side> {
  const port = await freePort();
  const server = await startServer({
    name: kind,
    command: process.execPath,
    args: [SERVERS, '--kind', kind, '--port', String(port), '--issuer', issuer, '--audience', audience],
    environment: process.env,
    port,
    log: join(folder, `${kind}.log`),
  });
  pin(server.pid, SERVER_CORE);
  return { name: kind, port, tokens, judges: kind === 'control', ...server };
}
