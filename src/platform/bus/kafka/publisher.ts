import { setTimeout as sleep } from 'node:timers/promises';
import { ProduceAcks } from '@platformatic/kafka';
import type { OutboxEntry } from '../outbox-reader.ts';
import { type BatchLimits, cut } from './batches.ts';
import { answered, openProducer, type TextProducer } from './clients.ts';
import { messageOf, type OutMessage } from './message.ts';
import type { KafkaAddress, KafkaNames } from './names.ts';
import { makeTopics } from './topics.ts';
import type { Trouble } from './trouble.ts';

export interface PublisherOptions {
  address: KafkaAddress;
  names: KafkaNames;
  replication: number | null;
  trouble: Trouble;
  limits?: BatchLimits;
  /** An event that the broker would never take. */
  tooLarge(entry: OutboxEntry, cause: string): Promise<void>;
}

const WHO = 'relay';

/**
 * Writes entries to the broker in their order: one send in flight, every copy acknowledged, each partition's batch small enough. It goes on until the
 * broker has all of them or `signal` is aborted; what it repeats then may stand in a topic twice, but each first time in order.
 */
export class Publisher {
  private readonly options: PublisherOptions;
  private producer: TextProducer | undefined;
  private isReady = false;

  constructor(options: PublisherOptions) {
    this.options = options;
  }

  /** @returns false when it was aborted: what was given may be written in part */
  async publish(entries: readonly OutboxEntry[], signal: AbortSignal): Promise<boolean> {
    const { names, limits } = this.options;
    const messages: (OutMessage & { metadata: OutboxEntry })[] = entries
      .filter((entry) => names.topics.includes(entry.topic))
      .map((entry) => ({ ...messageOf(entry, names), metadata: entry }));
    const { batches, tooLarge } = cut(messages, limits);
    for (const { metadata } of tooLarge) await this.options.tooLarge(metadata, 'larger than a batch may be');
    for (const batch of batches) if (!(await this.send(batch, signal))) return false;
    return !signal.aborted;
  }

  async close(): Promise<void> {
    const { producer } = this;
    this.producer = undefined;
    await producer?.close().catch(() => {});
  }

  private async send(batch: (OutMessage & { metadata: OutboxEntry })[], signal: AbortSignal): Promise<boolean> {
    for (let wait = 100; !signal.aborted; wait = Math.min(wait * 2, 2_000)) {
      const cutOff = () => void this.close();
      signal.addEventListener('abort', cutOff, { once: true });
      try {
        await this.ready(signal);
        this.producer ??= openProducer(this.options.address, (error) => {
          this.options.trouble.begins(WHO, error);
          // A topic that is gone is made again while the client goes on asking for it.
          if (answered(error, 'UNKNOWN_TOPIC_OR_PARTITION')) this.isReady = false;
        });
        await this.producer.send({ messages: batch.map(({ metadata: _, ...message }) => message), acks: ProduceAcks.ALL });
        this.options.trouble.ends(WHO);
        return true;
      } catch (error) {
        // Under a new producer id: the old one's numbers may have a hole now.
        await this.close();
        if (signal.aborted) return false;
        if (answered(error, 'MESSAGE_TOO_LARGE')) return await this.sendParts(batch, signal);
        this.isReady = false;
        this.options.trouble.begins(WHO, error);
        await sleep(wait, undefined, { signal }).catch(() => {});
      } finally {
        signal.removeEventListener('abort', cutOff);
      }
    }
    return false;
  }

  /** The broker takes less than we thought: halves, and at the end the one that is too large by itself. */
  private async sendParts(batch: (OutMessage & { metadata: OutboxEntry })[], signal: AbortSignal): Promise<boolean> {
    const [only] = batch;
    if (batch.length === 1 && only) {
      await this.options.tooLarge(only.metadata, 'refused by the broker: MESSAGE_TOO_LARGE');
      return true;
    }
    const half = Math.ceil(batch.length / 2);
    return (await this.send(batch.slice(0, half), signal)) && (await this.send(batch.slice(half), signal));
  }

  /** An unknown topic would make the idempotent client wait for it in silence: topics are there before the first send. */
  private async ready(signal: AbortSignal): Promise<void> {
    if (this.isReady) return;
    const { address, names, replication } = this.options;
    await makeTopics(address, names, replication, signal);
    this.isReady = true;
  }
}
