import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Admin } from '@platformatic/kafka';
import { busContract } from './bus.contract.ts';

const brokers = process.env.TEST_KAFKA_BROKERS ?? '';

if (brokers === '') test('the bus over Kafka', { skip: 'TEST_KAFKA_BROKERS is not set' }, () => {});
else
  busContract('Kafka', {
    // Topics of its own for each test: one broker serves them all.
    place(t) {
      const prefix = `t${randomBytes(4).toString('hex')}.`;
      t.after(async () => {
        const admin = new Admin({ clientId: 'test', bootstrapBrokers: brokers.split(',') });
        const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix));
        if (topics.length > 0) await admin.deleteTopics({ topics });
        await admin.close();
      });
      return { brokers, prefix };
    },
    quickMs: 3_000,
  });
