import { createServer } from 'node:net';

/** A TCP port that nobody had a moment ago: for `PORT=0`, where the issuer's address must be known before listening. */
export function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no free port'))));
    });
  });
}

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
