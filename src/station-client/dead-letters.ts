import { createReadStream } from 'node:fs';
import { appendFile, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Entry } from './records.ts';

/** What was refused for good, with the platform's words; a file's bytes are in `bytes`, base64. */
export interface DeadLetter {
  at: string;
  status: number;
  /** The problem body (RFC 9457) as it came, or why the entry was never sent. */
  problem: unknown;
  entry: Entry;
  bytes?: string;
}

/** `dead.ndjson` of a folder: one letter a line, only added to. A crash between a letter and its note writes it twice, with the same `entry.n`. */
export class DeadLetters {
  readonly #path: string;
  readonly #maxBytes: number;
  #size = 0;
  count = 0;

  constructor(folder: string, maxBytes: number) {
    this.#path = join(folder, 'dead.ndjson');
    this.#maxBytes = maxBytes;
  }

  async open(): Promise<void> {
    this.#size = await stat(this.#path).then(
      ({ size }) => size,
      () => 0,
    );
    if (this.#size === 0) return;
    let last = 0x0a;
    for await (const part of createReadStream(this.#path))
      for (const byte of part as Buffer) {
        if (byte === 0x0a) this.count += 1;
        last = byte;
      }
    // A line that a crash cut short ends here, so that the next one begins a line of its own.
    if (last !== 0x0a) await appendFile(this.#path, '\n');
  }

  /** On the disk when it resolves. @throws when the file holds as much as it may: then the queue waits for a person */
  async add(letter: DeadLetter): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(letter)}\n`);
    const found = await stat(this.#path).catch(() => null);
    if (found === null || found.size === 0) {
      // Somebody has looked, and moved it away.
      this.#size = 0;
      this.count = 0;
    }
    if (this.#size + line.length > this.#maxBytes) throw new Error(`${this.#path} is full: look at it and move it away`);
    const handle = await open(this.#path, 'a', 0o600);
    try {
      await handle.appendFile(line);
      await handle.sync();
    } finally {
      await handle.close();
    }
    this.#size += line.length;
    this.count += 1;
  }
}
