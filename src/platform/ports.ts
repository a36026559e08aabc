import { createServer, type Server } from 'node:net';

/** Below the ports that Linux (32,768 and up) and others (49,152) give to outgoing connections: one of those could take it before it is listened on. */
const FIRST = 11_000;
const LAST = 24_999;

function listen(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

/**
 * TCP ports in a row that nobody has at this moment: for who must tell an address before it listens.
 * @throws Error after 50 tries
 */
export async function freePorts(count: number): Promise<number[]> {
  for (let tries = 0; tries < 50; tries += 1) {
    const first = FIRST + Math.floor(Math.random() * (LAST - FIRST - count));
    const ports = Array.from({ length: count }, (_, at) => first + at);
    const listening = await Promise.allSettled(ports.map(listen));
    const servers = listening.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    if (servers.length === count) return ports;
  }
  throw new Error(`no ${count} free ports in a row`);
}

/** One of them, as for `PORT=0`, where the issuer's address must be known before listening. */
export const freePort = async (): Promise<number> => (await freePorts(1))[0] as number;

/**
 * Whether nobody listens there, asked as one who does not share: processes that share a port would not notice somebody else on it.
 * @throws Error EADDRINUSE
 */
export function assertPortFree(host: string, port: number): Promise<void> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}
