import { Admin } from '@platformatic/kafka';
import { PARTITIONS } from '../../db/envelope.ts';
import type { Consumer } from '../consumer.ts';
import { KAFKA_LIMITS } from './clients.ts';
import type { KafkaAddress, KafkaNames } from './names.ts';

export interface BrokerLag {
  /** Messages behind the end of their partitions, by group, as last heard; asks again when that is old, and waits for the answer only briefly. */
  events(consumers: readonly Consumer[]): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}

const FRESH_MS = 500;
const WAIT_MS = 300;
/** As on the other bus: counted up to so many a partition. */
const COUNTED = 1_000n;
const LATEST = -1n;

export function openBrokerLag(address: KafkaAddress, names: KafkaNames): BrokerLag {
  let admin: Admin | undefined;
  let known = new Map<string, number>();
  let at = 0;
  let asking: Promise<void> | undefined;

  async function ask(consumers: readonly Consumer[]): Promise<void> {
    admin ??= new Admin({
      clientId: address.clientId,
      bootstrapBrokers: [...address.brokers],
      strict: true,
      connectTimeout: KAFKA_LIMITS.connect,
      requestTimeout: KAFKA_LIMITS.connect,
      retries: 1,
      retryDelay: 100,
    });
    const topics = [...new Set(consumers.flatMap((consumer) => consumer.topics.map(names.topic)))];
    const partitions = Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({ partitionIndex, timestamp: LATEST }));
    const indexes = partitions.map(({ partitionIndex }) => partitionIndex);
    const [ends, groups] = await Promise.all([
      admin.listOffsets({ topics: topics.map((name) => ({ name, partitions })) }),
      admin.listConsumerGroupOffsets({
        groups: consumers.map(({ group, topics: wanted }) => ({
          groupId: names.group(group),
          topics: wanted.map((topic) => ({ name: names.topic(topic), partitionIndexes: indexes })),
        })),
      }),
    ]);
    const end = new Map(ends.flatMap((topic) => topic.partitions.map((one) => [`${topic.name} ${one.partitionIndex}`, one.offset])));
    const counts = new Map<string, number>();
    for (const { group } of consumers) {
      const stood = groups.find(({ groupId }) => groupId === names.group(group));
      let behind = 0n;
      for (const topic of stood?.topics ?? [])
        for (const { partitionIndex, committedOffset } of topic.partitions) {
          const gap = (end.get(`${topic.name} ${partitionIndex}`) ?? 0n) - (committedOffset < 0n ? 0n : committedOffset);
          if (gap > 0n) behind += gap < COUNTED ? gap : COUNTED;
        }
      counts.set(group, Number(behind));
    }
    known = counts;
    at = performance.now();
  }

  return {
    async events(consumers) {
      if (consumers.length > 0 && (at === 0 || performance.now() - at > FRESH_MS)) {
        asking ??= ask(consumers)
          .catch(async () => {
            await admin?.close().catch(() => {});
            admin = undefined;
          })
          .finally(() => {
            asking = undefined;
          });
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, WAIT_MS);
        });
        await Promise.race([asking, late]);
        clearTimeout(timer);
      }
      return known;
    },
    async close() {
      await admin?.close().catch(() => {});
    },
  };
}
