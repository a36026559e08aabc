import { Readable } from 'node:stream';

export interface FarBytesOptions {
  /** Asks for the bytes; `signal` ends the asking. */
  open(signal: AbortSignal): Promise<Readable>;
  /** Longest wait for more bytes while the reader wants some, in milliseconds. A reader that takes its time is no silence. */
  silenceMs: number;
  /** What a connection that breaks or falls silent is called. */
  broken(error: unknown): Error;
}

/**
 * Bytes of another machine as a stream that is asked for when it is first read, at the reader's pace. Destroyed early, it ends the connection at once: one
 * that stays behind would be one of a bounded number.
 */
export function farBytes({ open, silenceMs, broken }: FarBytesOptions): Readable {
  const ended = new AbortController();
  let asked = false;
  let body: Readable | null = null;
  let silence: NodeJS.Timeout | undefined;

  function carry(from: Readable): void {
    if (stream.destroyed) return void from.destroy();
    body = from;
    from.on('data', (chunk: Buffer) => {
      clearTimeout(silence);
      if (!stream.push(chunk)) from.pause();
    });
    from.on('end', () => {
      clearTimeout(silence);
      stream.push(null);
    });
    from.on('error', (error) => stream.destroy(broken(error)));
  }
  function listen(): void {
    clearTimeout(silence);
    silence = setTimeout(() => stream.destroy(broken(new Error(`no bytes for ${silenceMs} ms`))), silenceMs);
    body?.resume();
  }
  const stream = new Readable({
    read() {
      if (body) return listen();
      if (asked) return;
      asked = true;
      open(ended.signal).then(
        (from) => {
          carry(from);
          if (body) listen();
        },
        (error: Error) => stream.destroy(error),
      );
    },
    destroy(error, done) {
      clearTimeout(silence);
      if (body) body.destroy();
      else ended.abort();
      done(error);
    },
  });
  return stream;
}
