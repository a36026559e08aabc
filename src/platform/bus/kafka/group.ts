import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageConsumerMetadata } from '@platformatic/kafka';
import type { Topic } from '../../../contracts/events.ts';
import type { Turnstile } from '../../turnstile.ts';
import { type Consumer, wants } from '../consumer.ts';
import type { BusLog, Handling } from '../handling.ts';
import type { OutboxEntry } from '../outbox-reader.ts';
import { type BytesConsumer, openConsumer } from './clients.ts';
import { entryOf, type InMessage } from './message.ts';
import type { KafkaAddress, KafkaNames } from './names.ts';
import { PartitionLane } from './partition-lane.ts';
import type { Trouble } from './trouble.ts';

export interface GroupOptions {
  consumer: Consumer;
  inTurn: Turnstile;
  handling: Handling;
  address: KafkaAddress;
  names: KafkaNames;
  trouble: Trouble;
  log: BusLog | undefined;
}

/** A partition without room is waited for so long before its messages are let pass (and read again later). */
const PATIENCE_MS = 250;
/** The broker is waited for so long when a stream or the group is left: what is not committed comes again, and a member that said nothing is missed. */
const LEAVE_MS = 2_000;
const briefly = (wish: Promise<unknown> | undefined): Promise<unknown> => Promise.race([wish, sleep(LEAVE_MS, undefined, { ref: false })]);
/**
 * Failures in a row after which a new client takes the place of one that may know nothing right any more: minutes. Not sooner, for it is a new member, and
 * the group waits for the old one's session to end first.
 */
const WORN_OUT = 60;

type Stream = Awaited<ReturnType<BytesConsumer['consume']>>;

/**
 * One consumer group of this process: a member of the group on the broker. Offsets are committed after the effect. Partitions go each at its own pace:
 * one that tries again for 25 s holds up no other, and the member's heartbeat goes on beside.
 *
 * A rebalance does not empty what the client has read ahead, so a stream is used for one generation only: when the group's generation has changed, it is
 * opened anew from what is committed, and nothing of the old one is committed any more.
 */
export class KafkaGroup {
  private readonly options: GroupOptions;
  private readonly lanes = new Map<string, PartitionLane>();
  private client: BytesConsumer | undefined;
  private stream: Stream | undefined;
  /** Of the stream in use; undefined while nothing came. */
  private generation: number | undefined;
  private commits = new Set<Promise<void>>();
  private readonly closing = new AbortController();
  private running: Promise<void> | undefined;

  constructor(options: GroupOptions) {
    this.options = options;
  }

  get name(): string {
    return this.options.consumer.group;
  }

  /** Connects in the background for as long as it takes. */
  start(): void {
    this.running = this.run();
  }

  /** Finishes what is in hand, commits, leaves the group. Of a broker that does not answer nothing is awaited but what is in hand: lanes that are closed take no more. */
  async stop(): Promise<void> {
    this.closing.abort();
    const closed = Promise.all([...this.lanes.values()].map((lane) => lane.close()));
    await closed;
    await this.flush();
    await this.leave();
    await briefly(this.running);
  }

  /** Whether this process is the one to handle what is redriven of a partition. */
  owns(topic: Topic, partition: number): boolean {
    const name = this.options.names.topic(topic);
    return this.client?.assignments?.some((one) => one.topic === name && one.partitions.includes(partition)) ?? false;
  }

  redrive(entries: readonly OutboxEntry[]): void {
    for (const entry of entries) if (this.owns(entry.topic, entry.partition)) this.lane(entry.topic, entry.partition).redrive([entry]);
  }

  /** When the oldest event that this process holds was written. */
  oldest(): number | undefined {
    const times = [...this.lanes.values()].map((lane) => lane.oldest()).filter((time) => time !== undefined);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  private get who(): string {
    return `group ${this.name}`;
  }

  private lane(topic: Topic, partition: number): PartitionLane {
    const name = `${topic} ${partition}`;
    const known = this.lanes.get(name);
    if (known) return known;
    const { consumer, inTurn, handling } = this.options;
    const lane = new PartitionLane({
      entry: (message) => entryOf(message, topic),
      handle: async (self, entry, redriven) =>
        !wants(consumer, entry) || (await handling.handle(consumer, inTurn, entry, self.closing.signal, redriven)),
      settled: (_, message) => this.commit(message),
      drained: () => void this.stream?.close().catch(() => {}),
    });
    this.lanes.set(name, lane);
    return lane;
  }

  private isCurrent(message: InMessage): boolean {
    const { generationId } = message.metadata.consumer as MessageConsumerMetadata;
    return generationId === this.generation && generationId === this.client?.generationId;
  }

  private commit(message: InMessage): void {
    if (!this.isCurrent(message)) return;
    const commit: Promise<void> = Promise.resolve(message.commit())
      .catch(() => {})
      .finally(() => this.commits.delete(commit));
    this.commits.add(commit);
  }

  private async flush(): Promise<void> {
    await briefly(Promise.all(this.commits));
    this.commits = new Set();
  }

  private async run(): Promise<void> {
    const { names, consumer, trouble } = this.options;
    let failures = 0;
    while (!this.closing.signal.aborted) {
      try {
        this.client ??= this.open();
        const stream = await this.client.consume({
          topics: consumer.topics.map(names.topic),
          autocommit: false,
          mode: 'committed',
          fallbackMode: 'earliest',
        });
        trouble.ends(this.who);
        failures = 0;
        await this.follow(stream);
      } catch (error) {
        if (this.closing.signal.aborted) break;
        trouble.begins(this.who, error);
        failures += 1;
        if (failures % WORN_OUT === 0) await this.leave();
        await sleep(Math.min(100 * 2 ** failures, 2_000), undefined, { signal: this.closing.signal }).catch(() => {});
      }
    }
    await this.leave();
  }

  private open(): BytesConsumer {
    const { address, names, trouble } = this.options;
    const client = openConsumer(address, names.group(this.name), (error) => trouble.begins(this.who, error));
    client.on('error', (error: Error) => trouble.begins(this.who, error));
    client.on('consumer:heartbeat:end', () => trouble.ends(this.who));
    client.on('consumer:group:join', () => {
      // What this stream has read ahead was another generation's.
      if (this.generation !== undefined && this.generation !== client.generationId) void this.stream?.close().catch(() => {});
    });
    return client;
  }

  private async follow(stream: Stream): Promise<void> {
    const { names } = this.options;
    this.stream = stream;
    this.generation = undefined;
    for (const lane of this.lanes.values()) lane.rewind();
    stream.on('error', () => {});
    try {
      for await (const message of stream) {
        this.generation ??= (message.metadata.consumer as MessageConsumerMetadata).generationId;
        if (this.closing.signal.aborted || !this.isCurrent(message)) break;
        const topic = names.topicOf(message.topic);
        if (topic) await this.lane(topic, message.partition).offer(message, PATIENCE_MS);
      }
    } finally {
      this.stream = undefined;
      await this.flush();
      await stream.close().catch(() => {});
    }
  }

  private async leave(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    if (client) await briefly(client.close(true).catch(() => {}));
  }
}
