import { Consumer, Producer, stringSerializers } from '@platformatic/kafka';
import type { KafkaAddress } from './names.ts';

/** Milliseconds. */
export const KAFKA_LIMITS = {
  connect: 3_000,
  request: 10_000,
  /** The broker takes a member for dead after this; brokers refuse less than 6 s unless told otherwise. */
  session: 6_000,
  heartbeat: 500,
  rebalance: 8_000,
  /** A fetch that finds nothing waits so long at the broker. */
  fetchWait: 500,
} as const;

/** About five minutes of tries, a second apart in the end. The client keeps the error of each try until the call ends, so a call must end. */
const RETRIES = 300;

const delayOf = (attempt: number): number => Math.min(50 * 2 ** attempt, 1_000);

/** Told of each failed try, so that a broker that is away shows while the client still hopes. */
export type OnRetry = (error: Error, operation: string) => void;

const baseOf = ({ brokers, clientId }: KafkaAddress, onRetry: OnRetry) => ({
  clientId,
  bootstrapBrokers: [...brokers],
  strict: true,
  connectTimeout: KAFKA_LIMITS.connect,
  requestTimeout: KAFKA_LIMITS.request,
  retries: RETRIES,
  retryDelay: (_client: object, operation: string, attempt: number, _retries: number, error: Error) => {
    onRetry(error, operation);
    return delayOf(attempt);
  },
});

export type TextProducer = Producer<string, string, string, string>;

/**
 * Idempotent: a batch whose acknowledgement was lost is not written twice. That holds for one `send` in flight only: with several, a failed one waits
 * while later ones pass it, and the client goes on under a new producer id without a word.
 */
export function openProducer(address: KafkaAddress, onRetry: OnRetry): TextProducer {
  return new Producer({ ...baseOf(address, onRetry), serializers: stringSerializers, idempotent: true });
}

/** Plain bytes, never retried for long: what it writes is kept elsewhere too. */
export function openBytesProducer({ brokers, clientId }: KafkaAddress): Producer<Buffer, Buffer, Buffer, Buffer> {
  return new Producer({
    clientId,
    bootstrapBrokers: [...brokers],
    strict: true,
    connectTimeout: KAFKA_LIMITS.connect,
    requestTimeout: KAFKA_LIMITS.connect,
    retries: 3,
    retryDelay: 200,
  });
}

export type BytesConsumer = Consumer<Buffer, Buffer, Buffer, Buffer>;

/** Classic group protocol: with the newer one the generation does not tell of a rebalance. Offsets are committed by hand, after the effect. */
export function openConsumer(address: KafkaAddress, groupId: string, onRetry: OnRetry): BytesConsumer {
  return new Consumer({
    ...baseOf(address, onRetry),
    groupId,
    autocommit: false,
    sessionTimeout: KAFKA_LIMITS.session,
    heartbeatInterval: KAFKA_LIMITS.heartbeat,
    rebalanceTimeout: KAFKA_LIMITS.rebalance,
    maxWaitTime: KAFKA_LIMITS.fetchWait,
  });
}

/** Whether one of the faults behind an error is this answer of the broker (`MESSAGE_TOO_LARGE`, `UNKNOWN_TOPIC_OR_PARTITION`). */
export function answered(error: unknown, apiId: string): boolean {
  const { findBy } = (error ?? {}) as { findBy?: (property: string, value: unknown) => unknown };
  return typeof findBy === 'function' && findBy.call(error, 'apiId', apiId) !== null;
}

/** In one line, for a log and for people. */
export function words(error: unknown): string {
  const all = (error as { errors?: unknown[] } | null)?.errors;
  const last = Array.isArray(all) && all.length > 0 ? all.at(-1) : error;
  if (last !== error) return words(last);
  return (error instanceof Error ? error.message : String(error)).slice(0, 300);
}
