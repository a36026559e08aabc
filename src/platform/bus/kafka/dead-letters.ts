import { setTimeout as sleep } from 'node:timers/promises';
import { ProduceAcks } from '@platformatic/kafka';
import type { BusLog } from '../handling.ts';
import type { OutboxEntry } from '../outbox-reader.ts';
import { openBytesProducer, words } from './clients.ts';
import type { KafkaAddress, KafkaNames } from './names.ts';

export interface DeadLetters {
  /** The bytes as they came, the cause in a header. The row of the parked event holds both as well, so a broker that is away is not waited for. */
  write(group: string, entry: OutboxEntry, cause: string, attempts: number): Promise<void>;
  close(): Promise<void>;
}

const LIMIT_MS = 5_000;

/** @param stopping ends every wait for the broker: letters go one after the other, and a stop cannot wait for each */
export function openDeadLetters(address: KafkaAddress, names: KafkaNames, log: BusLog | undefined, stopping: AbortSignal): DeadLetters {
  let producer: ReturnType<typeof openBytesProducer> | undefined;
  let last: Promise<void> = Promise.resolve();

  async function send(group: string, entry: OutboxEntry, cause: string, attempts: number): Promise<void> {
    const text = (value: string) => Buffer.from(value);
    const headers = new Map(
      Object.entries({
        cause: cause.slice(0, 2_000),
        consumer_group: group,
        attempts: String(attempts),
        event_id: entry.eventId,
        topic: names.topic(entry.topic),
        partition: String(entry.partition),
      }).map(([name, value]) => [text(name), text(value)]),
    );
    const message = { topic: names.deadLetters(entry.topic), key: text(entry.key), value: entry.raw ?? text(entry.text), headers };
    try {
      producer ??= openBytesProducer(address);
      const sent = producer.send({ messages: [message], acks: ProduceAcks.ALL });
      sent.catch(() => {});
      const late = sleep(LIMIT_MS, undefined, { ref: false, signal: stopping }).then(() =>
        Promise.reject(new Error(`no answer within ${LIMIT_MS} ms`)),
      );
      await Promise.race([sent, late]);
    } catch (error) {
      log?.warn({ group, event_id: entry.eventId, reason: words(error) }, 'a dead letter was not written; the parked row holds it');
      await producer?.close().catch(() => {});
      producer = undefined;
    }
  }

  return {
    async write(group, entry, cause, attempts) {
      last = last.then(() => send(group, entry, cause, attempts));
      await last;
    },
    async close() {
      await last;
      await producer?.close().catch(() => {});
      producer = undefined;
    },
  };
}
