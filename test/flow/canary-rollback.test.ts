import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { EventPayloads, PlatformEvent } from '../../src/contracts/events.ts';
import type { InferenceRun, ModelVersion } from '../../src/contracts/inference.ts';
import type { Inspection } from '../../src/contracts/inspections.ts';
import type { ModelVersionDetail, StageChange } from '../../src/contracts/models.ts';
import { STREAM_PROTOCOL, type StreamMessage } from '../../src/contracts/stream.ts';
import { drawBoard } from '../support/boards.ts';
import { until } from '../support/floor.ts';
import { startPlatform } from '../support/platform.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

/*
 * A whole platform in a process of its own, asked over HTTP alone. Version 2 loads and answers its golden example, and fails on every board of another
 * size; version 3 answers as version 1 does, after convolutions that take a hundred times as long.
 */
const MODEL = 'pcb-pair-synth';
const MIN_BOARDS = 10;
const modelsDir = await mkdtemp(join(tmpdir(), 'cqp-canary-'));
after(() => rm(modelsDir, { recursive: true, force: true }));
const options = {
  environment: {
    MODELS_DIR: modelsDir,
    CANARY_WATCH: '300ms',
    CANARY_MIN_BOARDS: String(MIN_BOARDS),
    CANARY_MAX_LATENCY: '2',
    SHADOW_TIMEOUT: '60s',
  },
};
await writeTinyModel(modelsDir);
const before = await startPlatform({ after }, options);
await before.stop();
// The release after: version 1 goes on judging.
await writeTinyModel(modelsDir, { version: 2, rigid: true });
await writeTinyModel(modelsDir, { version: 3, layers: 100 });
const platform = await startPlatform({ after }, { ...options, dataDir: before.dataDir });
const station = platform.station();
const site = platform.credentials.clients.find(({ station_id }) => station_id === 'AOI-HH-1')?.site ?? '';
const tokenFor = async (role: string) =>
  await platform.tokenOf(platform.credentials.users.find(({ roles }) => roles.includes(role))?.username ?? '');
const [engineer, auditor] = [await tokenFor('quality_engineer'), await tokenFor('auditor')];

async function ask<T>(token: string, method: 'GET' | 'POST', path: string, body?: object): Promise<{ status: number; body: T }> {
  const answer = await fetch(platform.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: AbortSignal.timeout(150_000),
  });
  // A read is refused for half a second when the machine stood still.
  if (answer.status === 503 && method === 'GET') {
    await answer.body?.cancel();
    await pause(500);
    return await ask(token, method, path);
  }
  return { status: answer.status, body: (await answer.json()) as T };
}
const detail = async (version: number) => (await ask<ModelVersionDetail>(engineer, 'GET', `/v1/models/${MODEL}/versions/${version}`)).body;

/** Events of the models' stages from now on. */
async function listen(): Promise<PlatformEvent[]> {
  const heard: PlatformEvent[] = [];
  const socket = new WebSocket(`${platform.url.replace(/^http/, 'ws')}/v1/stream`, [STREAM_PROTOCOL, `bearer.${engineer}`]);
  after(async () => socket.close());
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('error', () => reject(new Error('the stream broke')));
    socket.addEventListener('open', () =>
      socket.send(JSON.stringify({ type: 'subscribe', filter: { event_types: ['model.stage_changed'] } })),
    );
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as StreamMessage;
      if (message.type === 'subscribed') resolve();
      if (message.type === 'event') heard.push(message.event as PlatformEvent);
    });
  });
  return heard;
}

/** As `inference.lot_share` draws it. */
const shareOf = (lot: string) => createHash('sha256').update(`${site}/${lot}`).digest().readUInt32BE() % 100;
const lots = Array.from({ length: 200 }, (_, at) => `LOT-2026-${100 + at}`);
const ofCanary = lots.filter((lot) => shareOf(lot) < 50);
const ofProduction = lots.filter((lot) => shareOf(lot) >= 50);

const SIZE = { width: 96, height: 64 };
const good = await drawBoard(SIZE);
const bad = await drawBoard(SIZE, { lost: [{ x: 0, y: 16, width: 8, height: 8 }] });
const posted = new Map<string, 'pass' | 'fail'>();

/** Boards of a lot as a station posts them, every third with a cut track. */
async function post(lot: string, boards: number): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < boards; at += 1) {
    const chip_id = `PCB-${lot.slice(4)}-${posted.size}`;
    const { id } = await station.send<Inspection>('POST', '/v1/inspections', { lot_id: lot, chip_id, inspection_type: 'visual' });
    await station.upload('POST', `/v1/inspections/${id}/artifacts?kind=reference`, good, 'image/png');
    await station.upload('POST', `/v1/inspections/${id}/artifacts?kind=image`, at % 3 === 2 ? bad : good, 'image/png');
    posted.set(id, at % 3 === 2 ? 'fail' : 'pass');
    ids.push(id);
  }
  return ids;
}
type Shown = Inspection & { inference: InferenceRun[] };
const settled = (id: string) =>
  until(
    `the verdict of ${id}`,
    async () => {
      const shown = await station.get<Shown>(`/v1/inspections/${id}?include=inference`);
      return ['completed', 'awaiting_review'].includes(shown.status) && shown;
    },
    60_000,
  );
const judgesOf = ({ inference }: Shown) => inference.map(({ version }) => version);

async function toCanary(version: number): Promise<void> {
  const wish = { stage: 'canary', reason: 'it did well where it was trained', canary_percent: 50 };
  const { status, body } = await ask<ModelVersion>(engineer, 'POST', `/v1/models/${MODEL}/versions/${version}/stage`, wish);
  assert.deepEqual([status, body.stage, body.canary_percent], [200, 'canary', 50], 'it loads, and passes its gates');
}
const rolledBack = async (version: number): Promise<StageChange & { figures: Record<string, unknown> }> => {
  const now = await until('the rollback', async () => {
    const found = await detail(version);
    return found.stage !== 'canary' && found;
  });
  const [newest] = now.history;
  assert.ok(newest?.rollback && newest.figures);
  return { ...newest, figures: newest.figures };
};

/** The record, the audit trail and the event say the same: that nobody but the platform did it, and why. */
async function assertTold(events: readonly PlatformEvent[], version: number, to: string, cause: RegExp): Promise<void> {
  const change = await rolledBack(version);
  assert.deepEqual([change.from, change.to, change.automatic, change.by], ['canary', to, true, 'inference']);
  assert.match(change.reason, cause);
  const entries = await ask<{
    data: { object: { id: string }; actor: { kind: string }; reason: string; old: { stage: string }; new: { stage: string } }[];
  }>(auditor, 'GET', '/v1/audit?action=model.rolled_back');
  const [entry, ...more] = entries.body.data.filter(({ object }) => object.id === `${MODEL}/${version}`);
  assert.equal(more.length, 0, 'once');
  assert.equal(entry?.reason, change.reason);
  assert.equal(entry?.actor.kind, 'system');
  assert.deepEqual([entry?.old.stage, entry?.new.stage], ['canary', to]);
  const heard = await until('the event', async () => {
    const found = events.map(({ payload }) => payload as EventPayloads['model.stage_changed']);
    const back = found.filter((payload) => payload.version === version && payload.rollback);
    return back.length > 0 && back;
  });
  assert.deepEqual(
    heard.map(({ from, to: stage, automatic, reason }) => [from, stage, automatic, reason]),
    [['canary', to, true, change.reason]],
  );
}

/** Whatever was posted has an end, and what passed was passed by a run of a version that can judge. */
async function assertNoneLost(): Promise<void> {
  for (const [id, truth] of posted) {
    const shown = await settled(id);
    if (shown.status === 'awaiting_review') continue;
    assert.equal(shown.verdict, truth);
    assert.equal(judgesOf(shown).length, 1, 'one run, and so one judge');
    assert.notEqual(judgesOf(shown)[0], 2, 'version 2 never answered');
  }
}

test('a canary whose runs fail is rolled back for its errors; its boards are judged by production, and what it broke waits for a person', async (t) => {
  const events = await listen();
  await toCanary(2);
  const lot = ofCanary[0] as string;
  const [first] = (await post(lot, 1)) as [string];
  const broken = await settled(first);
  assert.deepEqual([broken.status, broken.verdict, broken.reason], ['awaiting_review', null, 'model_failed'], 'silence is no pass');
  assert.equal((await detail(2)).stage, 'canary', 'one board says nothing yet');
  const rest = await post(lot, 8);
  const change = await rolledBack(2);
  await assertTold(events, 2, 'shadow', /^errors: \d+ of \d+ tries gave no answer/);
  t.diagnostic(change.reason);
  const figures = change.figures as { rule: string; canary: { boards: number; faults: number } };
  assert.deepEqual([figures.rule, figures.canary.boards], ['errors', 0]);
  assert.ok(figures.canary.faults >= 3);
  // One that was tried three times before the version was taken back waits for a person as the first does.
  const ends = await Promise.all(rest.map(settled));
  for (const shown of ends)
    if (shown.status === 'awaiting_review') assert.equal(shown.reason, 'model_failed');
    else assert.deepEqual([shown.status, judgesOf(shown)], ['completed', [1]]);
  assert.ok(ends.filter(({ status }) => status === 'completed').length >= ends.length / 2);
  const [later] = (await post(lot, 1)) as [string];
  assert.deepEqual(judgesOf(await settled(later)), [1]);
  const again = await ask(engineer, 'POST', `/v1/inspections/${first}/infer`, {});
  assert.equal(again.status, 202);
  const mended = await until('the board that it broke', async () => {
    const shown = await station.get<Shown>(`/v1/inspections/${first}?include=inference`);
    return shown.status === 'completed' && shown;
  });
  assert.deepEqual([mended.verdict, judgesOf(mended)], ['pass', [1]]);
  await assertNoneLost();
});

test('a canary that is slower is rolled back for its latency, and not before there are boards enough to say so', async (t) => {
  const events = await listen();
  for (const lot of ofProduction.slice(0, 2)) for (const id of await post(lot, MIN_BOARDS / 2)) await settled(id);
  await toCanary(3);
  // So many that one slow board or two are not the p95.
  for (const id of await post(ofProduction[0] as string, 4 * MIN_BOARDS)) assert.deepEqual(judgesOf(await settled(id)), [1]);
  const lot = ofCanary[1] as string;
  for (const id of await post(lot, MIN_BOARDS - 1)) assert.deepEqual(judgesOf(await settled(id)), [3]);
  assert.equal((await detail(3)).stage, 'canary', 'its boards are too few');
  const last = await post(lot, 3);
  const change = await rolledBack(3);
  // The shadow's place is taken by the version that failed.
  await assertTold(events, 3, 'retired', /^latency: p95 of [\d.]+ ms over \d+ boards, production's is [\d.]+ ms/);
  t.diagnostic(change.reason);
  const figures = change.figures as { rule: string; canary: { boards: number }; production: { boards: number } };
  assert.equal(figures.rule, 'latency');
  assert.ok(figures.canary.boards >= MIN_BOARDS && figures.production.boards >= MIN_BOARDS, JSON.stringify(figures));
  for (const id of last) await settled(id);
  for (const id of await post(lot, 4)) assert.deepEqual(judgesOf(await settled(id)), [1], 'the lot goes on with production');
  await assertNoneLost();
});
