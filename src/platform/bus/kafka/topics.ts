import { setTimeout as sleep } from 'node:timers/promises';
import { Admin, type CreateTopicsOptions } from '@platformatic/kafka';
import { PARTITIONS } from '../../db/envelope.ts';
import { answered, KAFKA_LIMITS } from './clients.ts';
import type { KafkaAddress, KafkaNames } from './names.ts';

/** Kept as long as the inbox surely remembers (8 days): a group that lost its place and reads from the start must find nothing older. */
const RETENTION_MS = 7 * 86_400_000;
/** A broker removes whole segments, by their youngest record: one as long as a week, which is the default, would keep its oldest record for two. */
const SEGMENT_MS = 6 * 3_600_000;

const SETTLE_MS = 10_000;

/** A topic is there, but cannot serve: too few partitions. */
class TopicsUnfit extends Error {
  override readonly name = 'TopicsUnfit';
}

/**
 * Makes what is missing of the topics (as many partitions as the outbox has lanes) and their dead-letter topics (one partition); changes nothing that
 * is there. `replication` null leaves the number of copies to the broker. With three copies or more a write must reach two.
 * @param signal ends it where it stands: the tries of a broker that takes connections and never answers last minutes
 * @returns the names of those made. @throws TopicsUnfit; whatever the broker says
 */
export async function makeTopics(
  address: KafkaAddress,
  names: KafkaNames,
  replication: number | null,
  signal?: AbortSignal,
): Promise<string[]> {
  const admin = new Admin({
    clientId: address.clientId,
    bootstrapBrokers: [...address.brokers],
    strict: true,
    connectTimeout: KAFKA_LIMITS.connect,
    requestTimeout: KAFKA_LIMITS.request,
    // The client tries again inside its tries: two are nine.
    retries: 2,
    retryDelay: 300,
  });
  const cutOff = () => void admin.close().catch(() => {});
  signal?.addEventListener('abort', cutOff, { once: true });
  try {
    const there = new Set(await admin.listTopics());
    const made: string[] = [];
    const make = async (topics: string[], partitions: number) => {
      for (const topic of topics.filter((name) => !there.has(name))) {
        if (await makeOne(admin, topic, partitions, replication)) made.push(topic);
      }
    };
    await make(names.topics.map(names.topic), PARTITIONS);
    await make(names.topics.map(names.deadLetters), 1);
    const wanted = names.topics.map(names.topic);
    const partitions = await partitionsOf(admin, wanted, signal);
    for (const topic of wanted) {
      const count = partitions.get(topic) ?? 0;
      if (count < PARTITIONS) throw new TopicsUnfit(`The topic ${topic} has ${count} partitions; ${PARTITIONS} are needed`);
    }
    return made;
  } finally {
    signal?.removeEventListener('abort', cutOff);
    await admin.close().catch(() => {});
  }
}

/** Brokers hear of a new topic a little later than it is made. */
async function partitionsOf(admin: Admin, topics: string[], signal?: AbortSignal): Promise<Map<string, number>> {
  for (const end = Date.now() + SETTLE_MS; ; await sleep(200)) {
    try {
      const { topics: known } = await admin.metadata({ topics: [...topics], forceUpdate: true });
      return new Map(topics.map((topic) => [topic, known.get(topic)?.partitionsCount ?? 0]));
    } catch (error) {
      if (signal?.aborted || Date.now() > end) throw error;
    }
  }
}

async function makeOne(admin: Admin, topic: string, partitions: number, replication: number | null): Promise<boolean> {
  const configs: CreateTopicsOptions['configs'] = [
    { name: 'retention.ms', value: String(RETENTION_MS) },
    { name: 'segment.ms', value: String(SEGMENT_MS) },
  ];
  if (replication !== null && replication >= 3) configs.push({ name: 'min.insync.replicas', value: '2' });
  try {
    await admin.createTopics({ topics: [topic], partitions, replicas: replication ?? -1, configs });
    return true;
  } catch (error) {
    if (answered(error, 'TOPIC_ALREADY_EXISTS')) return false;
    throw error;
  }
}
