import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { asking } from '../proof/engines/checker.ts';
import { type Seen, underFault } from '../proof/engines/faults.ts';
import { openSmallVolume } from '../support/small-volume.ts';

const FULL_MS = 8000;
/** Every index against its table, every table against its own rules. */
const WHOLE = `select count(*)::int as n, (select count(*)::int from pg_class c join pg_namespace s on s.oid = c.relnamespace,
    lateral verify_heapam(c.oid) v where c.relkind = 'r' and s.nspname not like 'pg_%') as torn
  from (select bt_index_check(i.indexrelid, true) from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
    where a.amname = 'btree' and c.relpersistence = 'p' and i.indisvalid and c.relkind = 'i') x`;

const probe = openSmallVolume(1);
const why = probe === undefined ? 'no right to mount a small volume' : false;
await probe?.remove();

/** Fills the volume under load, gives it room again, and asks what was answered meanwhile and what is left. */
async function fillUp(t: TestContext, which: 'folder' | 'walFolder', mib: number): Promise<void> {
  const volume = openSmallVolume(mib);
  assert.ok(volume);
  t.after(() => volume.remove());
  let during: Seen[] = [];
  const { faults, acknowledged } = await underFault(
    { postgres: { [which]: volume.folder, segmentMiB: 1, supervised: true, settings: { max_wal_size: '8MB', min_wal_size: '2MB' } } },
    async ({ plant, seen, recovery }) => {
      await volume.fill();
      const began = performance.now();
      for (; !seen.some(({ sentAt, status }) => sentAt > began && status >= 500); await sleep(20))
        assert.ok(performance.now() - began < 30_000, 'the full volume was never noticed');
      const noticed = performance.now();
      await sleep(FULL_MS);
      during = seen.filter(({ sentAt }) => sentAt > noticed);
      await volume.relieve();
      const back = await recovery(30_000);
      t.diagnostic(`noticed after ${Math.round(noticed - began)} ms; acknowledging again ${Math.round(back)} ms after there is room`);
      await sleep(1500);
      const ended = (await plant.postgres.log()).match(/PANIC: /g)?.length ?? 0;
      t.diagnostic(`PostgreSQL ended itself ${ended} times`);
      assert.ok(which === 'folder' || ended > 0, 'the log was never short of room');
      await asking(plant.postgres.adminUrl, async (client) => {
        await client.query('create extension if not exists amcheck');
        const { rows } = await client.query<{ n: number; torn: number }>(WHOLE);
        assert.ok((rows[0]?.n ?? 0) > 50);
        assert.equal(rows[0]?.torn, 0);
      });
    },
  );
  const counts = Map.groupBy(during, ({ status }) => status);
  t.diagnostic(
    `meanwhile ${[...counts].map(([status, list]) => `${list.length} x ${status}`).join(', ')}; ${acknowledged} acknowledged in all`,
  );
  assert.ok((counts.get(503)?.length ?? 0) > 50);
  for (const { status, text, contentType, retryAfter } of during) {
    if (status === 200 || status === 201) continue;
    assert.ok([409, 500, 503].includes(status), `answered ${status}`);
    assert.match(contentType, /^application\/problem\+json/, text);
    assert.doesNotMatch(text, /space|could not|pg_wal|base\//, 'the answer tells nothing of the disk');
    if (status === 503) assert.ok(Number(retryAfter) >= 1);
  }
  assert.deepEqual(faults, []);
}

test('the volume of the log is full: refused in words, no corruption, back within 30 s of room', { skip: why, timeout: 250_000 }, (t) =>
  fillUp(t, 'walFolder', 24),
);

test('the volume of the data is full: the same', { skip: why, timeout: 250_000 }, (t) => fillUp(t, 'folder', 96));
