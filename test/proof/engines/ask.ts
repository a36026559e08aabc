import { Agent, request } from 'node:http';

export interface Question {
  path: string;
  token: string;
  type: string;
  text: string;
  key: string | null;
}

export interface Answered {
  /** 0: no answer came (the connection broke, or nothing in time); -1: nothing listened, so nothing can have happened. */
  status: number;
  text: string;
  retryAfter: string | undefined;
  replayed: boolean;
  contentType: string;
  /** From the call to the last byte. */
  millis: number;
}

export interface Asker {
  /** Never rejects: what went wrong is in the status. */
  post(base: string, question: Question): Promise<Answered>;
  close(): void;
}

/** Posts over kept connections. Each try is bounded by `timeoutMs`. */
export function openAsker(timeoutMs: number): Asker {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  return {
    post(base, { path, token, type, text, key }) {
      const began = performance.now();
      return new Promise((resolve) => {
        const none = (status: number) =>
          resolve({ status, text: '', retryAfter: undefined, replayed: false, contentType: '', millis: performance.now() - began });
        const sent = request(base + path, {
          method: 'POST',
          agent,
          signal: AbortSignal.timeout(timeoutMs),
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': type,
            'content-length': Buffer.byteLength(text),
            ...(key === null ? {} : { 'idempotency-key': key }),
          },
        });
        sent.on('error', (error: NodeJS.ErrnoException) => none(error.code === 'ECONNREFUSED' ? -1 : 0));
        sent.on('response', (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (chunk) => {
            body += chunk;
          });
          response.on('error', () => none(0));
          response.on('end', () =>
            response.complete
              ? resolve({
                  status: response.statusCode ?? 0,
                  text: body,
                  retryAfter: response.headers['retry-after'],
                  replayed: response.headers['idempotency-replayed'] === 'true',
                  contentType: String(response.headers['content-type'] ?? ''),
                  millis: performance.now() - began,
                })
              : none(0),
          );
        });
        sent.end(text);
      });
    },
    close: () => agent.destroy(),
  };
}
