import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A proxy as it stands beside a program that knows no tokens: adds the bearer token and passes everything on. Answers its `host:port`. */
export async function tokenProxy(t: { after(fn: () => unknown): void }, to: { port: number; token: string }): Promise<string> {
  const server = createServer((given, answer) => {
    const { method, url, headers } = given;
    const options = {
      port: to.port,
      host: '127.0.0.1',
      method,
      path: url,
      headers: { ...headers, authorization: `Bearer ${to.token}` },
      agent: false,
    } as const;
    const onward = request(options, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    given.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
