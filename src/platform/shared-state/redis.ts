import { Redis, type RedisOptions } from 'ioredis';
import type { Takings } from '../http/limits.ts';
import type { Log } from '../telemetry/log.ts';
import type { LimitChannel } from './share-limits.ts';

export interface RedisChannelOptions {
  /** `redis://` or `rediss://` (TLS), with user and password if need be. One server: any node of a cluster does, as all of them hand messages on. */
  url: string;
  /** Name of the channel; those that use the same one keep one limit. */
  channel: string;
  /** Who tells: processes of the same name tell each other by other means, and do not hear each other here. */
  program: string;
  log: Pick<Log, 'info' | 'warn'>;
}

/** Limits over machines, by publish and subscribe. Nothing is stored, so nothing has to be kept or cleaned up in Redis. */
export interface RedisChannel extends LimitChannel {
  /** Why the others do not hear of this process now, in words; null while they do. */
  fault(): string | null;
  close(): void;
}

interface Message {
  program: string;
  limit: string;
  takings: Takings;
}

/** Keys of one message; more are told in several. */
const PIECE = 1000;
/** As long as the longest name of a client (characters). */
const MAX_KEY = 500;
const BEAT_MS = 1000;
/** Beats that may be under way. A server that holds the connection and answers nothing is found out after as many seconds. */
const MAX_BEATS = 3;
const NOT_YET = 'not connected yet';
const NO_ANSWER = 'no answer';

/** Every call ends: what cannot be sent or answered in time fails and is not said again. */
const CONNECTION: RedisOptions = {
  connectTimeout: 2000,
  commandTimeout: 1000,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  autoResubscribe: false,
  retryStrategy: (tries) => Math.min(100 * 2 ** tries, 3000),
};

const isTaking = (one: unknown): boolean =>
  Array.isArray(one) &&
  one.length === 2 &&
  typeof one[0] === 'string' &&
  one[0].length <= MAX_KEY &&
  Number.isSafeInteger(one[1]) &&
  one[1] > 0;

/** Null for what another version, or somebody else, has put on the channel. */
export function messageOf(text: string): Message | null {
  try {
    const { program, limit, takings } = JSON.parse(text) as Partial<Record<keyof Message, unknown>>;
    const fits = typeof program === 'string' && typeof limit === 'string' && Array.isArray(takings) && takings.length <= PIECE;
    return fits && takings.every(isTaking) ? { program, limit, takings } : null;
  } catch {
    return null;
  }
}

/** Connects in the background, and again whenever the server was away: until then each program counts for itself. */
export function openRedisChannel({ url, channel, program, log }: RedisChannelOptions): RedisChannel {
  const beat = `${channel}:beat:${crypto.randomUUID()}`;
  const teller = new Redis(url, CONNECTION);
  const hearer = new Redis(url, CONNECTION);
  let heard: (limit: string, takings: Takings) => void = () => {};
  let trouble: string | null = NOT_YET;
  let told: 'redis_reached' | 'redis_away' | null = null;
  let lastError: string | null = null;
  let beats = 1;

  function judge(): void {
    if (beats === 0) trouble = null;
    else if (beats > MAX_BEATS) trouble = lastError ?? NO_ANSWER;
    else if (teller.status !== 'ready' || hearer.status !== 'ready') trouble = lastError ?? trouble ?? NO_ANSWER;
    const state = trouble === null ? 'redis_reached' : 'redis_away';
    if (state === told || trouble === NOT_YET) return;
    told = state;
    if (trouble === null) log.info({}, state);
    else log.warn({ reason: trouble }, state);
  }
  const failed = (error: Error) => {
    lastError = error.message || error.name;
  };
  for (const connection of [teller, hearer]) {
    connection.on('error', failed);
    connection.on('close', judge);
  }
  hearer.on('ready', () => void hearer.subscribe(channel, beat).catch(failed));
  hearer.on('message', (on: string, text: string) => {
    if (on === beat) {
      beats = 0;
      return judge();
    }
    const message = messageOf(text);
    if (message !== null && message.program !== program) heard(message.limit, message.takings);
  });

  const timer = setInterval(() => {
    beats += 1;
    if (teller.status === 'ready') void teller.publish(beat, '').catch(failed);
    if (beats > MAX_BEATS) for (const connection of [teller, hearer]) if (connection.status === 'ready') connection.disconnect(true);
    judge();
  }, BEAT_MS).unref();

  return {
    tell(limit, takings) {
      if (teller.status !== 'ready') return;
      for (let at = 0; at < takings.length; at += PIECE)
        void teller
          .publish(channel, JSON.stringify({ program, limit, takings: takings.slice(at, at + PIECE) } satisfies Message))
          .catch(failed);
    },
    hear(fn) {
      heard = fn;
    },
    fault: () => trouble,
    close() {
      clearInterval(timer);
      teller.disconnect();
      hearer.disconnect();
    },
  };
}
