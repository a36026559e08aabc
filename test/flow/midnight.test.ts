import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { uuidv7 } from '../../src/platform/id.ts';
import { openAsker } from '../proof/engines/ask.ts';
import { openPlant, type Plant } from '../proof/engines/plant.ts';

const [library] = globSync('/usr/lib/*/faketime/libfaketime.so.1');
const DAY = 86_400_000;
const KEYS = 90;

interface Request {
  key: string;
  chip: string;
  /** Times of the clock that the engines see, at which it is sent to both programs at once. */
  moments: number[];
}

/** A UUIDv7 of any moment: `uuidv7` itself never goes back behind its last. */
function uuidv7Of(millis: number): string {
  const hex = Math.round(millis).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}${uuidv7().slice(13)}`;
}

const KINDS: readonly ((first: number, n: number) => string)[] = [
  (_first, n) => `order-${n}`,
  (first) => uuidv7Of(first),
  // A station whose clock is fast or slow by two seconds, or fast by most of a day.
  (first) => uuidv7Of(first + 2000),
  (first) => uuidv7Of(first - 2000),
  (first) => uuidv7Of(first + 20 * 3_600_000),
  // Sent from a buffer: it becomes a day, two days old between one try and the next.
  (first) => uuidv7Of(first - DAY + 1000),
  (first) => uuidv7Of(first - 2 * DAY + 1000).toUpperCase(),
  (first) => uuidv7Of(first - 5 * DAY),
  (first) => uuidv7Of(first - 30 * DAY),
];

/** Keys whose first use lies within 1.5 s of midnight, and every use again twice, so that many meet on both sides of it. */
const requests = (midnight: number): Request[] =>
  Array.from({ length: KEYS }, (_, n) => {
    const first = midnight - 1500 + Math.round((n / KEYS) * 3000);
    return { key: KINDS[n % KINDS.length]?.(first, n) ?? '', chip: `MIDNIGHT-${n}`, moments: [first, first + 250, first + 2000] };
  });

/** Sends each request at its moments to both programs; a key that is at work is asked again, as its `Retry-After` says it may. */
async function post(plant: Plant, token: string, all: readonly Request[], now: () => number): Promise<Map<string, string[]>> {
  const asker = openAsker(30_000);
  const told = new Map<string, string[]>(all.map(({ key }) => [key, []]));
  const one = async (base: string, { key, chip }: Request) => {
    const text = JSON.stringify({ lot_id: 'LOT-2026-001', chip_id: chip, inspection_type: 'electrical' });
    for (;;) {
      const answer = await asker.post(base, { path: '/v1/inspections', token, type: 'application/json', text, key });
      if (answer.status === 201) return void told.get(key)?.push((JSON.parse(answer.text) as { id: string }).id);
      assert.ok([409, 503].includes(answer.status), `${key} answered ${answer.status}: ${answer.text}`);
      await sleep(10 + Math.random() * 30);
    }
  };
  await Promise.all(
    all.flatMap((request) =>
      request.moments.map(async (moment) => {
        await sleep(Math.max(0, moment - now()));
        await Promise.all(plant.bases.map((base) => one(base, request)));
      }),
    ),
  );
  asker.close();
  return told;
}

/** The fault that the test must be able to see: keys that are looked for in the day alone. @returns keys with two effects */
async function careless(client: pg.Pool, all: readonly Request[], now: () => number): Promise<number> {
  await client.query('create table day_key (day text, key text, primary key (day, key))');
  await Promise.all(
    all.flatMap(({ key, moments }) =>
      moments.map(async (moment) => {
        await sleep(Math.max(0, moment - now()));
        await client.query(`insert into day_key values (to_char(now(), 'YYYY-MM-DD'), $1) on conflict do nothing`, [key]);
      }),
    ),
  );
  const { rows } = await client.query('select key from day_key group by key having count(*) > 1');
  return rows.length;
}

const why = library === undefined ? 'no libfaketime found (Debian: apt-get install faketime)' : false;

test('one key is one inspection across midnight, whichever of two programs is asked at which side of it', {
  skip: why,
  timeout: 200_000,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-clock-'));
  const clockFile = join(folder, 'clock');
  await writeFile(clockFile, '+0s\n');
  const clock = {
    LD_PRELOAD: library ?? '',
    FAKETIME_TIMESTAMP_FILE: clockFile,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  const plant = await openPlant({ programs: 2, postgres: { environment: clock }, environment: clock });
  const client = new pg.Pool({ connectionString: plant.postgres.adminUrl, max: 4 });
  client.on('error', () => {});
  t.after(async () => {
    await client.end();
    await plant.stop();
    await rm(folder, { recursive: true, force: true });
  });
  // All clocks go forward together, to some seconds before midnight.
  const real = Date.now();
  const midnight = Math.ceil((real + DAY / 24) / DAY) * DAY;
  const ahead = Math.floor((midnight - 12_000 - real) / 1000);
  const now = () => Date.now() + ahead * 1000;
  await writeFile(clockFile, `+${ahead}s\n`);
  await sleep(2500);
  const { rows: shown } = await client.query<{ left: number }>(
    'select $1::float8 - extract(epoch from clock_timestamp())::float8 as left',
    [midnight / 1000],
  );
  const left = shown[0]?.left ?? 0;
  assert.ok(left > 1.6 && left < 11, `the clock of the database shows ${left} s before midnight`);
  const token = await plant.tokenOfStation('ICT-HH-1');

  const all = requests(midnight);
  const [told, twice] = await Promise.all([post(plant, token, all, now), careless(client, all, now)]);

  const { rows } = await client.query<{ chip_id: string; ids: string[] }>(
    'select chip_id, array_agg(id::text) as ids from intake.inspection group by chip_id',
  );
  const stored = new Map(rows.map(({ chip_id, ids }) => [chip_id, ids]));
  for (const { key, chip } of all) {
    assert.equal(stored.get(chip)?.length, 1, `${key} made ${stored.get(chip)?.length ?? 0} inspections`);
    assert.deepEqual([...new Set(told.get(key))], stored.get(chip), `${key} was told another answer`);
    assert.equal(told.get(key)?.length, 6);
  }
  const days = await client.query(`select distinct to_char(created_at, 'YYYY-MM-DD') as day from intake.inspection`);
  assert.equal(days.rows.length, 2, 'inspections were made on both days');
  t.diagnostic(`of ${KEYS} keys looked for in their day alone, ${twice} would have had two effects`);
  assert.ok(twice > 10, `midnight was not crossed as planned: only ${twice} careless keys had two effects`);
});
