import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { App } from './app.ts';
import { clientError } from './errors.ts';

interface Kept {
  /** Bytes of answers that the kernel had taken at the last look that showed progress, and when that was. */
  taken: number;
  since: number;
  /** The request under way on this connection, and what had been read when it was whole. */
  request: IncomingMessage | null;
  read: number;
  /** When bytes of a next head were first seen; 0 while there are none. */
  headSince: number;
}

export interface Connections {
  /** Connections that are open. */
  readonly open: number;
  /** The answer to this request is on its way: if it was read to its end nothing of it is kept, so that ten thousand quiet connections hold no request. */
  answered(request: IncomingMessage): void;
  stop(): void;
}

export interface ConnectionLimits {
  /** An answer of which nothing is taken for so long (milliseconds). */
  stallMs: number;
  /** A head that has begun and is not whole after so long. */
  headMs: number;
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
 * Knows the open connections and ends those whose client is slow: one that dribbles a head, and one that does not read its answer (Node bounds the
 * time that a request takes to arrive, but not the time that an answer takes to leave). Node's own time-out of heads also ends a connection on which
 * nothing was sent yet, and of ten thousand that are opened before they are needed that would be every second one: it is set to that of idle connections.
 * A connection that became a live stream has the bounds of the stream.
 */
export function watchConnections(app: App, { stallMs, headMs }: ConnectionLimits): Connections {
  const kept = new Map<Socket, Kept>();

  function keep(socket: Socket): Kept {
    const known = kept.get(socket);
    if (known) return known;
    const fresh: Kept = { taken: 0, since: performance.now(), request: null, read: 0, headSince: 0 };
    kept.set(socket, fresh);
    socket.once('close', () => kept.delete(socket));
    return fresh;
  }
  app.server.on('connection', (socket: Socket) => void keep(socket));
  app.addHook('onRequest', (request, _reply, done) => {
    const { socket } = request.raw;
    if ((request.raw as { upgrade?: boolean }).upgrade === true) kept.delete(socket);
    else if (socket instanceof Socket) {
      const seen = keep(socket);
      seen.request = request.raw;
      seen.headSince = 0;
    }
    done();
  });

  function passed(socket: Socket, seen: Kept): void {
    seen.request = null;
    seen.read = socket.bytesRead;
  }

  function dribbles(socket: Socket, seen: Kept, at: number): boolean {
    if (seen.request !== null) {
      if (!seen.request.complete) return false;
      passed(socket, seen);
    }
    if (socket.bytesRead === seen.read) return false;
    if (seen.headSince === 0) seen.headSince = at;
    return at - seen.headSince >= headMs;
  }

  function stalls(socket: Socket, seen: Kept, at: number): boolean {
    const taken = takenBy(socket);
    if (taken !== seen.taken || !hasWaiting(socket)) {
      seen.taken = taken;
      seen.since = at;
      return false;
    }
    return at - seen.since >= stallMs;
  }

  const timer = setInterval(() => {
    const at = performance.now();
    for (const [socket, seen] of kept) {
      if (stalls(socket, seen, at)) socket.destroy();
      else if (dribbles(socket, seen, at))
        clientError(Object.assign(new Error('the head does not come'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
    }
  }, LOOK_MS).unref();

  return {
    get open() {
      return kept.size;
    },
    answered(request) {
      const seen = kept.get(request.socket);
      if (seen?.request === request && request.complete) passed(request.socket, seen);
    },
    stop: () => clearInterval(timer),
  };
}
