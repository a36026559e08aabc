import type { IncomingMessage, ServerResponse } from 'node:http';

/** Read and thrown away before a 413, so that a client that writes before it reads sees the answer. */
const DISCARD_BYTES = 4 * 1024 * 1024;
const DISCARD_MS = 5000;

/** A client of the plant's network has sent the largest body by then, and a shutdown waits no longer than it may. */
const LINGER_MS = 10_000;

/**
 * Reads what is left of a body and forgets it, up to `limit` bytes or 5 s. Answers how many bytes were read and whether the body is at its end;
 * when it is not, the connection has to be closed after the answer, by `lingeringClose`.
 */
export function discardBody(request: IncomingMessage, limit = DISCARD_BYTES): Promise<{ bytes: number; ended: boolean }> {
  return new Promise((resolve) => {
    let bytes = 0;
    if (request.readableEnded || request.destroyed) return resolve({ bytes, ended: true });
    const timer = setTimeout(() => finish(false), DISCARD_MS);
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes >= limit) finish(false);
    };
    const onEnd = () => finish(true);
    function finish(ended: boolean) {
      clearTimeout(timer);
      request.off('data', onData);
      request.off('end', onEnd);
      request.off('close', onEnd);
      request.off('error', onEnd);
      if (!ended) request.pause();
      resolve({ bytes, ended });
    }
    request.on('data', onData);
    request.on('end', onEnd);
    request.on('close', onEnd);
    request.on('error', onEnd);
    request.resume();
  });
}

/**
 * Closes the connection after the coming answer, in two steps (RFC 9112, 9.6): the answer and its end go out, and what the client still writes is read
 * and forgotten, for up to 10 s. A socket that is closed with bytes on the way answers them with a reset, and a client that writes its whole body
 * before it reads would find the reset where the refusal was.
 */
export function lingeringClose(request: IncomingMessage, response: ServerResponse): void {
  response.shouldKeepAlive = false;
  const { socket } = request;
  // Node calls it when the last answer of a connection was handed over.
  socket.destroySoon = () => {
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once('close', () => clearTimeout(timer));
    request.once('end', () => socket.destroy());
    socket.end();
    request.resume();
  };
}
