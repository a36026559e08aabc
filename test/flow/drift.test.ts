import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PLAN, takePictures } from '../proof/drift/replay.ts';
import { readRows } from '../proof/drift/rows.ts';
import { playBoards, stationName } from '../proof/drift/slice.ts';
import { testDatabase } from '../support/database.ts';

/** What `test/proof/drift.ts --keep` wrote: the figures of 2,000 pictures of 640 x 640, which take ten minutes to draw. */
const rows = readRows(fileURLToPath(new URL('../proof/drift/pictures-20251125.csv', import.meta.url)), PLAN);
const { drifts } = PLAN;
assert.ok(drifts);
const database = await testDatabase({ after });

test('the figures are those that the platform measures on these pictures', async () => {
  const some = [0, 401, 1002];
  for (const index of some) {
    const [board] = await takePictures({ ...PLAN, boards: index + 1 }, 1, () => {}, index);
    assert.deepEqual(board, rows[index]);
  }
});

test('of four stations one starts to stretch its pictures by 0.4 % half-way through 2,000 boards: it is named within 200 boards, and no other is', async () => {
  const { alarms, repeats } = await playBoards(database, rows, 200);
  assert.equal(rows.length, 2000);
  assert.ok(repeats > 200, 'events came twice');
  assert.deepEqual([...new Set(alarms.map(({ station_id }) => station_id))], [stationName(drifts.station)]);
  const [first] = alarms;
  assert.ok(first && first.board >= drifts.from && first.board < drifts.from + 200, `named with board ${first?.board}`);
  assert.deepEqual([first.feature, first.detector, first.direction], ['stretch_down', 'cusum', 'up']);
  const [counted] = (
    await database.db.pool.query(
      `select (select count(*)::int from monitoring.board) as boards, (select sum((state ->> 'boards')::int)::int from monitoring.station_watch) as watched,
        (select count(*)::int from platform.outbox where event ->> 'event_type' = 'drift.alarm_raised') as told`,
    )
  ).rows;
  assert.deepEqual(counted, { boards: 2000, watched: 2000, told: alarms.length }, 'each board once, each alarm told once');
});
