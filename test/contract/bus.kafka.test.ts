import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { PARTITIONS, partitionOf } from '../../src/platform/db/envelope.ts';
import { dropTopics, readTopic, writeBytes } from '../support/kafka-topics.ts';
import { busContract } from './bus.contract.ts';

const brokers = process.env.TEST_KAFKA_BROKERS ?? '';

if (brokers === '') test('the bus over Kafka', { skip: 'TEST_KAFKA_BROKERS is not set' }, () => {});
else
  busContract('Kafka', {
    // Topics of its own for each test: one broker serves them all.
    place(t) {
      const prefix = `t${randomBytes(4).toString('hex')}.`;
      t.after(() => dropTopics(brokers, prefix));
      return { brokers, prefix };
    },
    // Brokers give a member that is gone 6 s at least, then the group meets anew: mostly 2 to 9 s together, 15 s were seen.
    takenOverMs: 25_000,
    async inject({ place }, bytes) {
      await writeBytes(brokers, `${place.prefix}quality.signals`, partitionOf('S1/L'), 'S1/L', bytes);
      return 'put';
    },
    async places({ place }) {
      return (await readTopic(brokers, `${place.prefix}quality.signals`, PARTITIONS)).map((message) => message.place);
    },
    async setAside({ place }, bytes, cause) {
      const letters = await readTopic(brokers, `${place.prefix}quality.signals.dlq`, 1);
      const letter = letters.find(({ value, headers }) => value.equals(bytes) && headers.cause === cause);
      assert.ok(letter, `no dead letter for: ${cause}`);
      assert.equal(letter.headers.consumer_group, 'g');
    },
  });
