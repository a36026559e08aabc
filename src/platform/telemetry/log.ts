import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/** Names whose values never reach a log line or an error's `invalid_value`, wherever they stand in the object. */
const SECRET = /^(?:proxy-)?authorization$|cookie|passw|secret|token|credential|api[-_]?key|idempotency[-_]key|totp|^code_verifier$/i;
export const isSecretName = (name: string): boolean => SECRET.test(name);

/** Bytes that a pipe takes at once (POSIX: at least 512, Linux 4,096): longer writes of several processes mix. */
const PIPE_BUFFER = 4096;

const CENSORED = '[redacted]';
const known = new Map<string, boolean>();

function secret(name: string): boolean {
  let answer = known.get(name);
  if (answer === undefined) {
    answer = isSecretName(name);
    if (known.size < 1000) known.set(name, answer);
  }
  return answer;
}

/**
 * The same object when it holds no secret, else a copy without its values. Looks four levels deep. Pino's own redaction with wildcard
 * paths costs 12 to 20 us a line; this walk costs less than 1 us for a request line.
 */
export function censor<T extends object>(object: T, depth = 0): T {
  if (object instanceof Error || depth > 3) return object;
  let copy: Record<string, unknown> | undefined;
  for (const name of Object.keys(object)) {
    const value = (object as Record<string, unknown>)[name];
    let clean: unknown = value;
    if (secret(name) && value !== undefined && value !== null && typeof value !== 'boolean') clean = CENSORED;
    else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) clean = censor(value, depth + 1);
    if (clean !== value) {
      copy ??= Array.isArray(object) ? (object.slice() as unknown as Record<string, unknown>) : { ...(object as Record<string, unknown>) };
      copy[name] = clean;
    }
  }
  return (copy as T | undefined) ?? object;
}

let lastMillis = 0;
let lastTime = '';
/** RFC 3339; the text is made once a millisecond. */
function isoTime(): string {
  const now = Date.now();
  if (now !== lastMillis) {
    lastMillis = now;
    lastTime = `,"time":"${new Date(now).toISOString()}"`;
  }
  return lastTime;
}

/** Bytes of lines that are gathered before they are written, and how long they wait at most (milliseconds). */
const GATHERED = 64_000;
const FLUSH_MS = 200;
const EXIT_MS = 50;

/**
 * Standard output, written beside the event loop in pieces: a write a line costs more than the line. What waits is flushed five times a second, at
 * exit and before the process dies of an error; several processes that share one pipe write no more at once than it takes whole; `kill -9` can cost the
 * lines of the last fifth of a second. Lines are gathered here and not by the writer, which for each line writes out flat, and measures, all that it holds.
 */
function gatheredOutput(shared: boolean): DestinationStream {
  const most = shared ? PIPE_BUFFER : GATHERED;
  let lines = '';
  let bytes = 0;
  /** Passed on and not written yet. */
  let open = 0;
  function pass(): void {
    if (bytes === 0) return;
    const piece = lines;
    lines = '';
    open += bytes;
    bytes = 0;
    output.write(piece);
  }
  // Before the writer's own, which ends it.
  process.on('beforeExit', pass).on('exit', () => {
    // A piece may be on its way in another thread: what is written here must not come into the middle of it.
    if (open > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, EXIT_MS);
    pass();
  });
  const output = pino.destination({ sync: false, maxWrite: most });
  output.on('write', (written: number) => {
    open -= written;
  });
  setInterval(pass, FLUSH_MS).unref();
  return {
    write(line) {
      const size = Buffer.byteLength(line);
      if (bytes + size > most) pass();
      lines += line;
      bytes += size;
    },
  };
}

export interface LogOptions {
  level: string;
  /** `service` of every line. */
  service: string;
  /** Which of several processes writes: in every line. Their lines then go out in pieces that a pipe takes whole. */
  worker?: number;
  /** Standard output when left out. */
  destination?: DestinationStream;
}

/** JSON lines on standard output: `level` as a word, `time` as RFC 3339 in UTC, the event's name in `msg`; secrets are taken out. */
export function createLog(options: LogOptions): Log {
  return pino(
    {
      level: options.level,
      base: { service: options.service, ...(options.worker === undefined ? {} : { worker: options.worker }) },
      timestamp: isoTime,
      formatters: { level: (label) => ({ level: label }), log: (object) => censor(object) },
      serializers: { err: pino.stdSerializers.err },
    },
    options.destination ?? gatheredOutput(options.worker !== undefined),
  );
}

/** The facts of one answered request, in the order of its line. */
export interface RequestLine {
  method: string;
  route: string;
  status: number;
  duration_ms: number;
  request_id: string;
  client_ip: string;
  inspection_id?: string | undefined;
  caller?: string | undefined;
  trace_id?: string | undefined;
}

/** Pino's own way to a line costs 3 us; the names of this one are known, none is secret, and its words are plain. */
export function requestLines(log: Log): (level: 'info' | 'debug', line: RequestLine) => void {
  const stream = (log as unknown as Record<symbol, DestinationStream>)[pino.symbols.streamSym];
  const bound = JSON.stringify(log.bindings()).slice(1, -1);
  if (stream === undefined) return (level, line) => log[level](line, 'request');
  return (level, line) => {
    if (!log.isLevelEnabled(level)) return;
    let text = `{"level":"${level}"${isoTime()}${bound === '' ? '' : `,${bound}`},"method":"${line.method}","route":${JSON.stringify(line.route)},"status":${line.status},"duration_ms":${line.duration_ms},"request_id":"${line.request_id}","client_ip":"${line.client_ip}"`;
    if (line.inspection_id !== undefined) text += `,"inspection_id":"${line.inspection_id}"`;
    if (line.caller !== undefined) text += `,"caller":${JSON.stringify(line.caller)}`;
    if (line.trace_id !== undefined) text += `,"trace_id":"${line.trace_id}"`;
    stream.write(`${text},"msg":"request"}\n`);
  };
}
