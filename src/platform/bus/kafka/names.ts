import { TOPICS, type Topic } from '../../../contracts/events.ts';

export interface KafkaAddress {
  /** `host:port`, any of the cluster's. */
  brokers: readonly string[];
  clientId: string;
}

/** How topics and groups are called on a broker. The prefix keeps several platforms on one cluster apart; it is empty when there is one. */
export interface KafkaNames {
  readonly prefix: string;
  readonly topics: readonly Topic[];
  topic(topic: Topic): string;
  deadLetters(topic: Topic): string;
  group(group: string): string;
  /** @returns undefined when the name is none of ours */
  topicOf(name: string): Topic | undefined;
}

export function kafkaNames(prefix = '', topics: readonly Topic[] = TOPICS): KafkaNames {
  const byName = new Map(topics.map((topic) => [`${prefix}${topic}`, topic]));
  return {
    prefix,
    topics,
    topic: (topic) => `${prefix}${topic}`,
    deadLetters: (topic) => `${prefix}${topic}.dlq`,
    group: (group) => `${prefix}cqp.${group}`,
    topicOf: (name) => byName.get(name),
  };
}
