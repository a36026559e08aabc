import { Connection, type Listener } from './connection.ts';
import { Counter, type Kind, type Part } from './part.ts';
import { getRequest, PostRequest } from './request.ts';

export type Mix = Partial<Record<Kind, number>>;

export interface OpenLoopOptions {
  host: string;
  port: number;
  /** Asked again every minute: a run may be longer than a token lives. */
  tokens: () => Promise<readonly string[]>;
  /** Requests a second, arriving as a Poisson process; 0 leaves the steady part out. */
  rate: number;
  connections: number;
  seconds: number;
  /** Seconds of the steady part that come before what is counted. */
  settle?: number;
  /** A request that finds no free connection is given up in place of sent later: what many stations that wait for a slow server amount to. */
  giveUp?: boolean;
  /** A connection that was told `Retry-After` asks nothing until that is over, as a station does. */
  waitAsTold?: boolean;
  mix: Mix;
  /** Requests that are due within one second after the steady part; 0 for none. */
  burst: number;
  /** How long answers are waited for after the last request was due (seconds). */
  patience: number;
  say?: (text: string) => void;
}

export interface OpenLoopResult {
  connections: number;
  /** Connections that the server closed between requests and that were opened again. */
  reopened: number;
  steady?: Part;
  burst?: Part;
}

const OPENED_AT_ONCE = 200;
const REMEMBERED = 1000;
const TOKEN_CHECK_MS = 60_000;

/** Due times of a Poisson process: independent exponential gaps. Milliseconds from 0, below `seconds`. */
export function* poisson(rate: number, seconds: number, random: () => number = Math.random): Generator<number> {
  for (let at = 0; ; ) {
    at -= (Math.log(1 - random()) * 1000) / rate;
    if (at >= seconds * 1000) return;
    yield at;
  }
}

/** Due times of a burst: evenly over one second. */
export function* evenly(count: number): Generator<number> {
  for (let index = 0; index < count; index += 1) yield (index * 1000) / count;
}

/** Cumulated shares, so that a random number finds its kind. */
export function chooser(mix: Mix): (random: number) => Kind {
  const kinds = Object.entries(mix).filter(([, share]) => share > 0) as [Kind, number][];
  const sum = kinds.reduce((total, [, share]) => total + share, 0);
  let below = 0;
  const bounds = kinds.map(([kind, share]) => {
    below += share / sum;
    return [kind, below] as const;
  });
  return (random) => (bounds.find(([, bound]) => random < bound) ?? bounds.at(-1) ?? ['create'])[0] as Kind;
}

/** Many clients that send when they have something to say, whether or not earlier answers came. Single-threaded, on purpose: it shares the machine. */
export async function openLoop(options: OpenLoopOptions): Promise<OpenLoopResult> {
  const { say = () => {} } = options;
  let tokens = await options.tokens();
  let generation = 0;
  const requests: { generation: number; post: PostRequest }[] = [];
  /** Ids that reads ask for; a station sees its own, so they are kept by token. */
  const known: string[][] = tokens.map(() => []);
  const choose = chooser(options.mix);
  const reads = (options.mix.read ?? 0) > 0;
  const free: Connection[] = [];
  let part = new Counter();
  let reopened = 0;
  let ending = false;
  let opening: (() => void) | undefined;

  const listener: Listener = {
    opened(connection) {
      free.push(connection);
      opening?.();
    },
    answered(connection, status, head) {
      part.answered(connection, status);
      if (reads && status === 201) remember(connection, head());
      const seconds = options.waitAsTold && status >= 400 ? Number(/\r\nretry-after: (\d+)/i.exec(head())?.[1] ?? 0) : 0;
      if (seconds === 0) free.push(connection);
      else setTimeout(() => !ending && !connection.closed && free.push(connection), seconds * 1000);
    },
    closed(connection, inFlight, cause) {
      const at = free.indexOf(connection);
      if (at >= 0) free.splice(at, 1);
      if (ending) return;
      if (inFlight) part.resets += 1;
      else if (cause === undefined) reopened += 1;
      else part.refused += 1;
      opening?.();
      setTimeout(() => !ending && new Connection(options, connection.index, listener), cause ? 200 : 0);
    },
  };

  function remember(connection: Connection, head: string): void {
    const id = /\r\nlocation: \/v1\/inspections\/([0-9a-f-]{36})/i.exec(head)?.[1];
    const own = known[connection.index % tokens.length];
    if (id === undefined || own === undefined) return;
    if (own.length < REMEMBERED) own.push(id);
    else own[Math.trunc(Math.random() * REMEMBERED)] = id;
  }

  function tokenOf(connection: Connection): string {
    return tokens[connection.index % tokens.length] as string;
  }

  function postOf(connection: Connection): Buffer {
    let held = requests[connection.index];
    if (held?.generation !== generation) {
      held = { generation, post: new PostRequest(tokenOf(connection)) };
      requests[connection.index] = held;
    }
    return held.post.next();
  }

  function send(connection: Connection, due: number): void {
    let kind = choose(Math.random());
    const own = known[connection.index % tokens.length] as string[];
    if (kind === 'read' && own.length === 0) kind = 'create';
    connection.kind = kind;
    connection.since = due;
    part.sent(due);
    if (kind === 'create') connection.send(postOf(connection));
    else connection.send(getOf(kind, tokenOf(connection), own));
  }

  async function openAll(): Promise<void> {
    for (let index = 0; index < options.connections; index += OPENED_AT_ONCE) {
      const wanted = Math.min(index + OPENED_AT_ONCE, options.connections);
      for (let one = index; one < wanted; one += 1) new Connection(options, one, listener);
      await within(30_000, 'the server did not take the connections', () => free.length >= wanted);
    }
  }

  function within(millis: number, fault: string, done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(fault)), millis);
      opening = () => {
        if (!done()) return;
        clearTimeout(timer);
        opening = undefined;
        resolve();
      };
      opening();
    });
  }

  /** Sends each request at its due time, or as soon after as a connection is free; ends when all are answered or patience is over. */
  function play(times: Generator<number>, settle = 0): Promise<Part> {
    let counter = new Counter();
    part = counter;
    let settled = settle === 0;
    const begin = performance.now();
    const waiting: number[] = [];
    let taken = 0;
    let next = times.next();
    let end = Number.POSITIVE_INFINITY;
    return new Promise((resolve) => {
      function turn(): void {
        const now = performance.now();
        if (!settled && now >= begin + settle * 1000) {
          settled = true;
          counter = new Counter(begin + settle * 1000);
          part = counter;
        }
        for (; !next.done && begin + next.value <= now; next = times.next()) {
          const starved = free.length <= waiting.length - taken;
          if (starved) counter.starved += 1;
          if (starved && options.giveUp) {
            counter.givenUp += 1;
            continue;
          }
          waiting.push(begin + next.value);
          counter.expect(begin + next.value);
        }
        while (taken < waiting.length && free.length > 0) {
          const at = Math.trunc(Math.random() * free.length);
          const connection = free[at] as Connection;
          free[at] = free.at(-1) as Connection;
          free.pop();
          send(connection, waiting[taken] as number);
          taken += 1;
        }
        if (taken > 10_000 && taken === waiting.length) waiting.length = taken = 0;
        if (next.done && end === Number.POSITIVE_INFINITY) end = now + options.patience * 1000;
        if (now >= end || (next.done && taken === waiting.length && counter.settled)) resolve(counter.result());
        else setTimeout(turn, 1);
      }
      turn();
    });
  }

  const renewal = setInterval(() => {
    void options.tokens().then(
      (fresh) => {
        if (fresh.every((token, index) => token === tokens[index])) return;
        tokens = fresh;
        generation += 1;
      },
      (error: unknown) => say(`tokens were not renewed: ${error instanceof Error ? error.message : error}`),
    );
  }, TOKEN_CHECK_MS);
  try {
    say(`opening ${options.connections} connections`);
    await openAll();
    const result: OpenLoopResult = { connections: options.connections, reopened: 0 };
    if (options.rate > 0 && options.seconds > 0) {
      say(`${options.rate} requests/s for ${options.seconds} s`);
      const settle = options.settle ?? 0;
      result.steady = await play(poisson(options.rate, settle + options.seconds), settle);
    }
    if (options.burst > 0) {
      say(`${options.burst} requests within one second`);
      result.burst = await play(evenly(options.burst));
    }
    result.reopened = reopened;
    return result;
  } finally {
    ending = true;
    clearInterval(renewal);
    for (const connection of free) connection.destroy();
  }
}

function getOf(kind: Kind, token: string, known: readonly string[]): string {
  const random = Math.random();
  if (kind === 'read') return getRequest(`/v1/inspections/${known[Math.trunc(random * known.length)]}`, token);
  if (kind === 'list') return getRequest('/v1/inspections?limit=20', token);
  const lot = String(1 + Math.trunc(random * 900)).padStart(3, '0');
  return getRequest(`/v1/inspections?lot_id=LOT-2026-${lot}&limit=100`, token, 'text/csv');
}
