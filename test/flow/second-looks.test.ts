import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { completeRun } from '../../src/inference/finish-run.ts';
import { claimJob } from '../../src/inference/jobs.ts';
import type { PictureStore } from '../../src/inference/look.ts';
import { registerModel } from '../../src/inference/models/registry.ts';
import { readRepository, type VerifiedModel } from '../../src/inference/models/repository.ts';
import { secondLooks } from '../../src/inference/models/second-looks.ts';
import { type OpenSide, sideOf } from '../../src/inference/models/side.ts';
import type { Database } from '../../src/platform/db/database.ts';
import { ProblemError } from '../../src/platform/problem.ts';
import { drawBoard } from '../support/boards.ts';
import { openFloor, until } from '../support/floor.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

const MODEL = 'pcb-pair-synth';
const quiet = { info() {}, warn() {}, error() {} };
const picture = await drawBoard();
/** A process that runs no models: boards are judged by the tests. */
const floor = await openFloor({ after }, { model: false });
await writeTinyModel(floor.modelsDir, { version: 1 });
await writeTinyModel(floor.modelsDir, { version: 2, boxReach: 15 });
await writeTinyModel(floor.modelsDir, { version: 3, boxReach: 14 });
const { models } = await readRepository(floor.modelsDir);
for (const model of models) await registerModel(floor.door, model);
const stage = (version: number, to: string, percent: number | null = null) =>
  floor.rows('update inference.model_version set stage = $2, canary_percent = $3, stage_since = now() where version = $1', [
    version,
    to,
    percent,
  ]);
const versionOf = ({ manifest }: VerifiedModel) => manifest.version;

/** A board that a version judged, of a lot of its own. */
async function judged(version: number, lot: string): Promise<void> {
  await floor.assign(lot, { template: picture });
  await floor.rows(
    `insert into inference.lot_model (model, site, lot_id, version) values ($1, 'hamburg', $2, $3) on conflict (model, site, lot_id) do nothing`,
    [MODEL, lot, version],
  );
  await floor.upload('station', await floor.create('visual', { lot_id: lot }), 'image', picture);
  const job = await until('the claim', async () => await claimJob(floor.db, 'test', [{ model: MODEL, version }], MODEL, [1, 2, 3]));
  const features = { copper_fraction: 0.5, shift: { dx: 0, dy: 0 }, residual: 0, stretch: 0, sharpness: 1 };
  const result = { candidates: [], thresholds: {}, modelSha256: '0'.repeat(64), runtime: 'test', timingsMs: {}, features };
  await completeRun(floor.door, 'test', job, result);
}
const looks = (role: string) => floor.rows<{ state: string }>('select state from inference.comparison where role = $1', [role]);
const looking = (openSide: OpenSide, told: string[] = [], pictures: PictureStore = floor.blobs, db: Database = floor.db) =>
  secondLooks({
    db,
    door: floor.door,
    pictures,
    log: { ...quiet, warn: (fields, words) => void told.push(`${words} ${JSON.stringify(fields)}`) },
    models,
    judging: MODEL,
    openSide,
    backlog: 50,
    reopenMs: 1000,
    onLook: () => {},
  });

test('a shadow that does not load uses up no board and holds up no look at the canary; opened anew, it looks at what waited', async (t) => {
  await stage(2, 'shadow');
  await stage(3, 'canary', 50);
  await judged(1, 'LOT-2025-101');
  await judged(3, 'LOT-2025-102');
  const real = sideOf({ timeoutMs: 60_000, log: quiet });
  let whole = false;
  let opened = 0;
  const told: string[] = [];
  const second = looking(async (wanted, signal) => {
    if (wanted.map(versionOf).includes(2)) opened += 1;
    const given = wanted.map((model) => (whole || versionOf(model) !== 2 ? model : { ...model, bytes: Uint8Array.of(1, 2, 3) }));
    return await real(given, signal);
  }, told);
  t.after(() => second.stop());
  second.start();
  await until('the look at the canary', async () => (await looks('canary')).some(({ state }) => state === 'done'));
  await until('another try of the shadow', async () => opened >= 2);
  assert.deepEqual(await looks('shadow'), []);
  assert.match(told.join(), /does not load beside.*"version":2,"role":"shadow"/);
  whole = true;
  await until('the look of the shadow', async () => (await looks('shadow')).some(({ state }) => state === 'done'));
  await second.stop();
});

test('a board whose pictures cannot be read while their store is away is looked at later: no look has failed', async (t) => {
  await stage(2, 'shadow');
  await judged(1, 'LOT-2025-103');
  const before = (await looks('shadow')).length;
  let asked = 0;
  const second = looking(sideOf({ timeoutMs: 60_000, log: quiet }), [], {
    read(sha256) {
      const stream = floor.blobs.read(sha256);
      asked += 1;
      if (asked <= 2) stream.destroy(new ProblemError('storage_unavailable'));
      return stream;
    },
  });
  t.after(() => second.stop());
  second.start();
  await until(
    'the look',
    async () => asked > 2 && (await looks('shadow')).length > before && (await looks('shadow')).at(-1)?.state === 'done',
  );
  assert.deepEqual(
    (await looks('shadow')).filter(({ state }) => state === 'failed'),
    [],
  );
});

test('a stop waits for no side that is still opening', async () => {
  await stage(2, 'shadow');
  const real = sideOf({ timeoutMs: 60_000, log: quiet });
  let opening = false;
  const second = looking(async (wanted, signal) => {
    opening = true;
    await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
    return await real(wanted, signal);
  });
  second.start();
  await until('the opening', async () => opening);
  await second.stop();
});

test('a stop that comes while the stages are being read opens no side', async () => {
  await stage(2, 'shadow');
  let opened = 0;
  let asked = 0;
  let answer = () => {};
  const held = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const db = {
    ...floor.db,
    kysely: floor.db.kysely.withPlugin({
      transformQuery: ({ node }) => node,
      async transformResult({ result }) {
        asked += 1;
        await held;
        return result;
      },
    }),
  };
  const second = looking(
    async () => {
      opened += 1;
      throw new Error('nobody asks this side anything');
    },
    [],
    floor.blobs,
    db,
  );
  second.start();
  await until('the question', async () => asked === 2);
  const stopped = second.stop();
  answer();
  await stopped;
  assert.equal(opened, 0);
});
