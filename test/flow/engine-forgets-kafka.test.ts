import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { kafkaBus } from '../../src/platform/bus/kafka/kafka-bus.ts';
import { kafkaNames } from '../../src/platform/bus/kafka/names.ts';
import { underForgottenNumbers } from '../proof/engines/forgotten-numbers.ts';
import { dropTopics } from '../support/kafka-topics.ts';

const brokers = process.env.TEST_KAFKA_BROKERS ?? '';

test('transaction numbers that PostgreSQL forgot when it died and gives out again: what is written under them reaches the topics and the groups', {
  skip: brokers === '' && 'TEST_KAFKA_BROKERS is not set',
  timeout: 250_000,
}, async (t) => {
  const names = kafkaNames(`t${randomBytes(4).toString('hex')}.`, ['quality.signals']);
  t.after(() => dropTopics(brokers, names.prefix));
  const address = { brokers: brokers.split(','), clientId: 'test' };
  await underForgottenNumbers(t, (on) => kafkaBus({ ...on, address, names, replication: 1 }));
});
