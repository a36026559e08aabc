import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { asking, check, layBeside } from '../proof/engines/checker.ts';
import { CHECKS } from '../proof/engines/checks.ts';
import { openHistory } from '../proof/engines/history.ts';
import { openPlant } from '../proof/engines/plant.ts';
import { readPublished } from '../proof/engines/published.ts';
import { settle } from '../proof/engines/rounds.ts';
import { startLoad } from '../proof/engines/stations.ts';

const SOME = '(select id from intake.inspection where status = $$pending$$ order by id limit 1)';
const JUDGED = '(select id from intake.inspection where status = $$completed$$ order by id limit 1)';
const eventOf = (type: string) => `(select ctid from platform.outbox where event ->> 'event_type' = '${type}' limit 1)`;
const copyOf = (columns: string, values: string, where: string) =>
  `insert into platform.outbox (topic, partition, key, ${columns}) select topic, partition, key, ${values} from platform.outbox where ${where}`;

/** What a lost or doubled write would leave behind, and the question that must see it. */
const DAMAGES: readonly [says: string, sql: string][] = [
  ['acknowledged and not stored', `delete from intake.inspection where id = ${SOME}`],
  ['stored otherwise than acknowledged', `update intake.inspection set priority = 1 + priority % 10 where id = ${SOME}`],
  [
    'stored otherwise than acknowledged',
    `update intake.inspection set created_at = created_at + interval '1 ms' where id =
    (select id from sent where answer is not null limit 1)`,
  ],
  [
    'a request without an answer is stored by half',
    `update sent set outcome = 'info' where operation = (select operation from sent group by 1 having count(*) > 1 limit 1);
     delete from intake.inspection where id = (select id from sent where outcome = 'info' and id is not null limit 1)`,
  ],
  ['stored, though nothing listened or the request was refused', `update sent set outcome = 'fail' where id = ${SOME}`],
  ['stored and never sent', `update intake.inspection set chip_id = 'nobody''s' where id = ${SOME}`],
  [
    'stored twice',
    `insert into intake.inspection select (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(), 'attempt', 2))).*
     from intake.inspection i where id = ${SOME}`,
  ],
  ['a creation without exactly one event', `delete from platform.outbox where ctid = ${eventOf('inspection.created')}`],
  [
    'a creation without exactly one event',
    copyOf('event_id, occurred_at, event', 'gen_random_uuid(), occurred_at, event', `ctid = ${eventOf('inspection.created')}`),
  ],
  ['a creation without exactly one audit entry that says the same', `delete from platform.audit where object_id = ${SOME}::text`],
  [
    'a creation without exactly one audit entry that says the same',
    `update platform.audit set new = jsonb_set(new::jsonb, '{priority}', '11') where object_id = ${SOME}::text`,
  ],
  [
    'a key without exactly one record of its answer, or with one of another',
    'delete from platform.idempotency where key = (select key from sent where key is not null limit 1)',
  ],
  [
    'a key without exactly one record of its answer, or with one of another',
    `update platform.idempotency set body = '{}' where key = (select key from sent where key is not null limit 1)`,
  ],
  ['an inspection in a lot that is not open', 'delete from masterdata.lot where lot_id = (select min(lot_id) from intake.inspection)'],
  [
    'values acknowledged and not stored as they are, or stored by half',
    'delete from intake.measurement where id = (select min(id::text)::uuid from intake.measurement)',
  ],
  [
    'values without exactly one event and one audit entry',
    `delete from platform.audit where ctid = (select ctid from platform.audit where action = 'measurements.recorded' limit 1)`,
  ],
  ['not judged as its values ask', `update intake.inspection set verdict = 'inconclusive' where id = ${JUDGED}`],
  [
    'judged without exactly one judgement, event and audit entry, or without values',
    `delete from disposition.judgement where inspection_id = ${JUDGED}`,
  ],
  [
    'judged without exactly one judgement, event and audit entry, or without values',
    copyOf('event_id, occurred_at, event', 'gen_random_uuid(), occurred_at, event', `ctid = ${eventOf('inspection.judged')}`),
  ],
  ['a lot whose count of verdicts is not that of its inspections', 'update disposition.lot_tally set judged = judged + 1'],
  [
    'an event that its group applied and did not note, or the other way round',
    `delete from platform.inbox where event_id = (select event_id from platform.inbox limit 1)`,
  ],
  [
    'an event twice in the outbox',
    copyOf('event_id, occurred_at, event', 'event_id, occurred_at, event', `ctid = ${eventOf('inspection.created')}`),
  ],
  [
    'an event that no longer says what its row says',
    `update platform.outbox set event_id = gen_random_uuid() where ctid = ${eventOf('inspection.created')}`,
  ],
  [
    'events of a record out of the order of its versions',
    `update platform.outbox set event = jsonb_set(event::jsonb, '{aggregate,version}', '0')::json where ctid = ${eventOf('inspection.judged')}`,
  ],
  [
    'an event that was not published, or that was published and is not in the outbox',
    'delete from heard where event_id = (select event_id from heard limit 1)',
  ],
  ['an event that was not published, or that was published and is not in the outbox', 'insert into heard select gen_random_uuid()'],
  [
    'an event that a group gave up',
    `insert into platform.bus_parked (consumer_group, event_id, topic, partition, key, cause, attempts, event)
     select 'disposition', event_id, topic, partition, key, 'test', 5, '{}' from platform.outbox limit 1`,
  ],
];

test('the checker of the killed engines finds nothing in what is whole, and every damage by the name of its question', {
  timeout: 200_000,
}, async (t) => {
  const history = openHistory();
  const plant = await openPlant({ programs: 1 });
  t.after(() => plant.stop());
  const load = startLoad({ history, stations: plant.stations, bases: plant.bases }, 1);
  await sleep(2000);
  await load.end();
  await settle(plant);
  const { ids } = await readPublished(plant);
  await asking(plant.postgres.adminUrl, async (client) => {
    await layBeside(client, history, ids);
    assert.deepEqual((await check(client)).faults, []);
    for (const [says, sql] of DAMAGES) {
      // Replication's role passes by the triggers that keep the ledger: as someone would who can write to the files.
      await client.query('begin; set local session_replication_role = replica');
      for (const statement of sql.split(';')) assert.ok((await client.query(statement)).rowCount, `did nothing: ${statement}`);
      const { faults } = await check(client);
      await client.query('rollback');
      assert.ok(
        faults.some((fault) => fault.says === says),
        `${says}: not seen; seen: ${faults.map((fault) => fault.says).join('; ') || 'nothing'}`,
      );
    }
  });
  const damaged = new Set(DAMAGES.map(([says]) => says));
  assert.deepEqual(
    CHECKS.filter(({ says }) => !damaged.has(says)),
    [],
  );
});
