import { partitionOf } from '../../src/platform/db/envelope.ts';
import { uuidv7 } from '../../src/platform/id.ts';
import { busContract } from './bus.contract.ts';

busContract('outbox in PostgreSQL', {
  place: () => ({ brokers: '', prefix: '' }),
  takenOverMs: 10_000,
  // The column holds JSON and nothing else.
  async inject({ db }, bytes) {
    const text = bytes.toString('utf8');
    try {
      JSON.parse(text);
    } catch {
      return 'impossible';
    }
    await db.pool.query(
      "insert into platform.outbox (topic, partition, key, event_id, occurred_at, event) values ('quality.signals', $1, 'S1/L', $2, now(), $3)",
      [partitionOf('S1/L'), uuidv7(), text],
    );
    return 'put';
  },
  async places({ db }) {
    return (await db.pool.query('select xid::text, seq from platform.outbox')).rows.map((row) => `${row.xid}.${row.seq}`);
  },
});
