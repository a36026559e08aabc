import { connect, type Socket } from 'node:net';

/** What a connection tells. `head` is valid within the call only. */
export interface Listener {
  opened(connection: Connection): void;
  answered(connection: Connection, status: number, head: () => string): void;
  /** `inFlight`: a request had no whole answer. */
  closed(connection: Connection, inFlight: boolean, cause: Error | undefined): void;
}

const NONE = -1;
/** All sockets of a process read into the same memory: the answer is looked at before the next read. */
const shared = Buffer.alloc(256 * 1024);
const END_OF_HEAD = Buffer.from('\r\n\r\n');
/** Servers spell it in either way; the one seen last is tried first. */
let spelling = Buffer.from('content-length: ');
let other = Buffer.from('Content-Length: ');

/**
 * One keep-alive HTTP/1.1 connection, one request at a time. It looks for the status and the end of the answer and at nothing else, because on two
 * cores a generator competes with the server that it measures.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #listener: Listener;
  #pending: Buffer | undefined;
  #inFlight = false;
  #cause: Error | undefined;
  /** For the owner: when the request in flight was meant to be sent, and what it is. */
  since = 0;
  kind = '';
  readonly index: number;

  constructor(target: { host: string; port: number }, index: number, listener: Listener) {
    this.index = index;
    this.#listener = listener;
    this.#socket = connect({
      ...target,
      noDelay: true,
      onread: { buffer: shared, callback: (length) => this.#read(length) },
    });
    this.#socket.on('connect', () => listener.opened(this));
    this.#socket.on('error', (error) => {
      this.#cause = error;
    });
    this.#socket.on('close', () => listener.closed(this, this.#inFlight, this.#cause));
  }

  send(request: Buffer | string): void {
    this.#inFlight = true;
    this.#socket.write(request as string, 'latin1');
  }

  end(): void {
    this.#socket.end();
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(length: number): boolean {
    // Last words of a server that closes an idle connection are no answer.
    if (!this.#inFlight) return true;
    if (this.#pending !== undefined) {
      this.#pending = Buffer.concat([this.#pending, shared.subarray(0, length)]);
      if (this.#whole(this.#pending, this.#pending.length)) this.#done(this.#pending);
    } else if (this.#whole(shared, length)) this.#done(shared);
    else this.#pending = Buffer.from(shared.subarray(0, length));
    return true;
  }

  #whole(bytes: Buffer, length: number): boolean {
    const head = bytes.indexOf(END_OF_HEAD);
    if (head < 0 || head + 4 > length) return false;
    const declared = declaredLength(bytes, head);
    if (declared !== NONE) return length >= head + 4 + declared;
    if (!/\r\ntransfer-encoding: chunked/i.test(bytes.toString('latin1', 0, head))) return true;
    return length >= 5 && bytes.toString('latin1', length - 5, length) === '0\r\n\r\n';
  }

  #done(bytes: Buffer): void {
    this.#pending = undefined;
    this.#inFlight = false;
    const status = (bytes[9]! - 48) * 100 + (bytes[10]! - 48) * 10 + (bytes[11]! - 48);
    this.#listener.answered(this, status, () => bytes.toString('latin1', 0, bytes.indexOf(END_OF_HEAD)));
  }
}

/** The Content-Length of an answer whose head ends at `end`, or -1. */
export function declaredLength(bytes: Buffer, end: number): number {
  let at = bytes.indexOf(spelling);
  if (at < 0 || at > end) {
    at = bytes.indexOf(other);
    if (at < 0 || at > end) return NONE;
    [spelling, other] = [other, spelling];
  }
  let value = 0;
  for (let digit = at + spelling.length; bytes[digit]! >= 48 && bytes[digit]! <= 57; digit += 1) value = value * 10 + bytes[digit]! - 48;
  return value;
}
