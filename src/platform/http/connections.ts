import type { Socket } from 'node:net';
import type { App } from './app.ts';

interface Kept {
  /** Bytes that the kernel had taken at the last look that showed progress, and when that was. */
  taken: number;
  since: number;
}

export interface Connections {
  /** Open connections. */
  readonly open: number;
  stop(): void;
}

const LOOK_MS = 2500;

/** Bytes of answers that the kernel has taken from us. */
function takenBy(socket: Socket): number {
  const handle = (socket as unknown as { _handle?: { writeQueueSize?: number } })._handle;
  return socket.bytesWritten - socket.writableLength - (handle?.writeQueueSize ?? 0);
}

const hasWaiting = (socket: Socket): boolean =>
  socket.writableLength > 0 || ((socket as unknown as { _handle?: { writeQueueSize?: number } })._handle?.writeQueueSize ?? 0) > 0;

/**
 * Knows the open connections, and ends those whose client does not read: when bytes of an answer wait and none has gone for `stallMs`. Node bounds the
 * time that a request takes to arrive, but not the time that an answer takes to leave. A client that reads slowly and steadily is left alone.
 */
export function watchConnections(app: App, options: { stallMs: number; now?: () => number }): Connections {
  const { stallMs, now = () => performance.now() } = options;
  const kept = new Map<Socket, Kept>();

  app.server.on('connection', (socket: Socket) => {
    kept.set(socket, { taken: 0, since: now() });
    socket.once('close', () => kept.delete(socket));
  });

  const timer = setInterval(() => {
    const at = now();
    for (const [socket, seen] of kept) {
      const taken = takenBy(socket);
      if (taken !== seen.taken || !hasWaiting(socket)) {
        seen.taken = taken;
        seen.since = at;
      } else if (at - seen.since >= stallMs) socket.destroy();
    }
  }, LOOK_MS).unref();

  return {
    get open() {
      return kept.size;
    },
    stop: () => clearInterval(timer),
  };
}
