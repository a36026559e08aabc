import { connect, createServer, type Socket } from 'node:net';

export interface Link {
  readonly port: number;
  /** All bytes of now and later vanish; connections stay open and new ones are taken. What was open then stays dead after `heal`. */
  swallow(): void;
  /** Every connection breaks and new ones are refused at once. */
  cut(): void;
  heal(): void;
  close(): Promise<void>;
}

/** A TCP link to a port of this machine that can be made a black hole, and breaks each connection that carries `breaksOn` to it. */
export async function openLink(target: number, breaksOn?: Buffer): Promise<Link> {
  let mode: 'pass' | 'swallow' | 'cut' = 'pass';
  const pairs = new Set<{ near: Socket; far: Socket | null; dead: boolean }>();
  const server = createServer((near) => {
    if (mode === 'cut') return void near.resetAndDestroy();
    const pair = { near, far: mode === 'pass' ? connect(target, '127.0.0.1') : null, dead: mode !== 'pass' };
    pairs.add(pair);
    const forward = (from: Socket, to: Socket | null) => {
      from.on('data', (chunk: Buffer) => {
        if (breaksOn && from === near && chunk.includes(breaksOn)) {
          near.resetAndDestroy();
          to?.destroy();
        }
        if (!pair.dead) to?.write(chunk);
      });
      from.on('error', () => undefined);
      // A link that loses everything loses the end of a connection too.
      from.on('close', () => {
        if (pair.dead && from !== near) return;
        to?.destroy();
        pairs.delete(pair);
      });
    };
    forward(near, pair.far);
    if (pair.far) forward(pair.far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const end = () => {
    for (const { near, far } of pairs) {
      near.resetAndDestroy();
      far?.destroy();
    }
    pairs.clear();
  };
  return {
    port: (server.address() as { port: number }).port,
    swallow() {
      mode = 'swallow';
      for (const pair of pairs) pair.dead = true;
    },
    cut() {
      mode = 'cut';
      end();
    },
    heal() {
      mode = 'pass';
    },
    async close() {
      end();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
