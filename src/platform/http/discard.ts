import type { IncomingMessage } from 'node:http';

/** Read and thrown away before a 413, so that a client that writes before it reads sees the answer. */
export const DISCARD_BYTES = 4 * 1024 * 1024;
const DISCARD_MS = 5000;

/**
 * Reads what is left of a body and forgets it, up to `limit` bytes or 5 s. Answers how many bytes were read and whether the body is at its end;
 * when it is not, the connection has to be closed after the answer.
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
