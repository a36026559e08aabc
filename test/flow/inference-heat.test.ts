import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import sharp from 'sharp';
import { drawBoard } from '../support/boards.ts';
import { openFloor, until, type Who } from '../support/floor.ts';

const floor = await openFloor({ after });
const size = { width: 100, height: 60 };
const [template, bad] = [await drawBoard(size), await drawBoard(size, { lost: [{ x: 32, y: 16, width: 8, height: 8 }] })];
await floor.assign('LOT-2025-001', { template });

async function judged(image: Buffer): Promise<string> {
  const id = await floor.create();
  await floor.upload('station', id, 'image', image);
  await floor.settled(id);
  const { body } = await floor.call('station', 'GET', `/v1/inspections/${id}?include=inference`);
  return String((body.inference as { operation_id: string }[])[0]?.operation_id);
}
const heat = (who: Who, operation: string, headers = {}) =>
  floor.app.inject({ method: 'GET', url: `/v1/operations/${operation}/heat`, headers: { authorization: `Bearer ${who}`, ...headers } });

test('the map is an eighth of the picture, bright where the model found something, and never changes', async () => {
  const operation = await judged(bad);
  const answer = await heat('station', operation);
  assert.equal(answer.statusCode, 200, answer.body);
  assert.equal(answer.headers['content-type'], 'image/png');
  const { data, info } = await sharp(answer.rawPayload).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height, info.channels], [13, 8, 1]);
  assert.ok((data[2 * 13 + 4] ?? 0) > 240, 'the cell of the defect');
  assert.ok((data[2 * 13 + 5] ?? 0) > 100 && (data[2 * 13 + 5] ?? 0) < (data[2 * 13 + 4] ?? 0), 'a soft bell beside it');
  assert.equal(data[7 * 13 + 12], 0);
  assert.match(String(answer.headers['cache-control']), /immutable/);
  const again = await heat('station', operation, { 'if-none-match': String(answer.headers.etag) });
  assert.deepEqual([again.statusCode, again.rawPayload.length], [304, 0]);
  for (const who of ['engineer', 'auditor'] as const) assert.equal((await heat(who, operation)).statusCode, 200, who);
});

test('who may not see the inspection sees no map of it; what is not there is not there', async () => {
  const operation = await judged(template);
  assert.equal((await heat('engineer', operation)).statusCode, 200, 'a board without a finding has a dark map');
  for (const who of ['neighbour', 'stranger', 'foreigner'] as const) assert.equal((await heat(who, operation)).statusCode, 404, who);
  assert.equal((await heat('engineer', '0192f0c0-0000-7000-8000-000000000000')).statusCode, 404);
  assert.equal((await heat('engineer', 'no-id')).statusCode, 404);
});

test('one map at a time: who comes meanwhile is told when to come again; pictures that are gone are 404', async () => {
  const large = await drawBoard({ width: 1200, height: 1200 });
  await floor.assign('LOT-2025-001', { template: large });
  const operation = await judged(large);
  const { read } = floor.blobs;
  const gate = Promise.withResolvers<void>();
  floor.blobs.read = (...asked) =>
    Readable.from(
      (async function* () {
        await gate.promise;
        yield* read(...asked);
      })(),
    );
  let told = 0;
  const asked = [1, 2, 3].map(async () => {
    const answer = await heat('engineer', operation);
    told += 1;
    return answer;
  });
  await until('two refusals', async () => told === 2);
  floor.blobs.read = read;
  gate.resolve();
  const answers = await Promise.all(asked);
  assert.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 1);
  for (const refused of answers.filter(({ statusCode }) => statusCode !== 200)) {
    assert.equal(refused.statusCode, 503);
    assert.ok(Number(refused.headers['retry-after']) >= 1);
    assert.doesNotMatch(String(refused.headers['cache-control']), /immutable/);
  }
  const [run] = await floor.rows<{ image_sha256: string }>('select image_sha256 from inference.run where operation_id = $1', [operation]);
  await floor.blobs.remove(String(run?.image_sha256));
  assert.equal((await heat('engineer', operation)).statusCode, 404);
});

test('a process whose neighbours run the models makes its maps itself', async (t) => {
  await floor.assign('LOT-2025-001', { template });
  const operation = await judged(bad);
  const beside = await openFloor(t, { beside: floor, modelsDir: floor.modelsDir, workers: 0 });
  const url = `/v1/operations/${operation}/heat`;
  const answer = await beside.app.inject({ method: 'GET', url, headers: { authorization: 'Bearer engineer' } });
  assert.equal(answer.statusCode, 200, answer.body);
});
