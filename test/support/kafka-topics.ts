import { randomBytes } from 'node:crypto';
import { Admin, Consumer, Producer } from '@platformatic/kafka';

export interface TopicMessage {
  place: string;
  value: Buffer;
  headers: Record<string, string>;
}

const address = (brokers: string, clientId = 'test') => ({ clientId, bootstrapBrokers: brokers.split(',') });

/** Everything that a topic holds now, by partition in order. */
export async function readTopic(brokers: string, topic: string, partitions: number): Promise<TopicMessage[]> {
  const admin = new Admin(address(brokers));
  const ends = await admin.listOffsets({
    topics: [{ name: topic, partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1n })) }],
  });
  await admin.close();
  const wanted = Number((ends[0]?.partitions ?? []).reduce((sum, { offset }) => sum + offset, 0n));
  if (wanted === 0) return [];
  const consumer = new Consumer({ ...address(brokers), groupId: `read-${randomBytes(6).toString('hex')}`, autocommit: false });
  const found: { partition: number; offset: bigint; message: TopicMessage }[] = [];
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest' });
  for await (const message of stream) {
    const headers = Object.fromEntries([...message.headers].map(([name, text]) => [String(name), String(text)]));
    const place = `${message.partition}/${message.offset}`;
    found.push({ partition: message.partition, offset: message.offset, message: { place, value: message.value, headers } });
    if (found.length >= wanted) break;
  }
  await consumer.close(true);
  return found.sort((one, other) => one.partition - other.partition || Number(one.offset - other.offset)).map(({ message }) => message);
}

/** Hears what comes to a topic from now on. @param heard called with each message at once */
export async function followTopic(brokers: string, topic: string, heard: (value: Buffer) => void): Promise<{ close(): Promise<void> }> {
  const consumer = new Consumer({ ...address(brokers), groupId: `follow-${randomBytes(6).toString('hex')}`, autocommit: false });
  const stream = await consumer.consume({ topics: [topic], mode: 'latest', maxWaitTime: 100 });
  stream.on('data', (message: { value: Buffer }) => heard(message.value));
  return { close: () => consumer.close(true) };
}

/** Past the relay. */
export async function writeBytes(brokers: string, topic: string, partition: number, key: string, value: Buffer): Promise<void> {
  const producer = new Producer(address(brokers));
  await producer.send({ messages: [{ topic, partition, key: Buffer.from(key), value }], acks: -1 });
  await producer.close();
}

export async function dropTopics(brokers: string, prefix: string): Promise<void> {
  const admin = new Admin(address(brokers));
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix));
  if (topics.length > 0) await admin.deleteTopics({ topics });
  await admin.close();
}
