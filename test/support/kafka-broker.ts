import { execFile, spawnSync } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePorts } from '../../src/platform/ports.ts';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../../tools/servers/kafka/kafka.sh', import.meta.url));

/** A broker of one's own, to be killed; its jars come from the same folder as everybody's. */
export interface TestBroker {
  readonly address: string;
  /** The same broker behind a link that can be cut. */
  readonly linked: string;
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Ends it and removes its data. */
  end(): Promise<void>;
}

export async function openBroker(): Promise<TestBroker> {
  // Client, controller, and the two of the link.
  const [port = 0] = await freePorts(4);
  const env = { ...process.env, KAFKA_PORT: String(port) };
  const ask = async (command: string) => void (await run(script, [command], { env, timeout: 300_000 }));
  await ask('install');
  // Whatever ends this process, its broker must not outlive it.
  const bury = () => {
    spawnSync(script, ['kill'], { env });
    spawnSync(script, ['clean'], { env });
  };
  process.once('exit', bury);
  await ask('start');
  return {
    address: `127.0.0.1:${port}`,
    linked: `127.0.0.1:${port + 3}`,
    start: () => ask('start'),
    kill: () => ask('kill'),
    async end() {
      process.removeListener('exit', bury);
      await ask('kill');
      await ask('clean');
    },
  };
}

/** The link between the broker's second listener and whoever uses its address. */
export interface Link {
  /** Connections break and new ones are refused. */
  cut(): void;
  /** Connections stay open and nothing passes: what a switch does that has lost its mind. */
  freeze(): void;
  heal(): void;
  close(): Promise<void>;
}

export async function openLink(linked: string): Promise<Link> {
  const port = Number(linked.split(':')[1]);
  let state: 'open' | 'cut' | 'frozen' = 'open';
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    if (state === 'cut') return near.destroy();
    const far = connect(port - 1, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      if (state === 'frozen') from.pause();
      from.on('data', (bytes) => to.write(bytes));
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    cut() {
      state = 'cut';
      for (const socket of sockets) socket.destroy();
    },
    freeze() {
      state = 'frozen';
      for (const socket of sockets) socket.pause();
    },
    heal() {
      // Bytes held back come through: to the far side a frozen time is only a slow one.
      state = 'open';
      for (const socket of sockets) socket.resume();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
