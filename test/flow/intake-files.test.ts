import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import type { Artifact } from '../../src/contracts/artifacts.ts';
import type { Inspection } from '../../src/contracts/inspections.ts';
import type { Problem } from '../../src/contracts/problems.ts';
import { ProblemError } from '../../src/platform/problem.ts';
import { bearer, board, plant } from './intake.app.ts';

const { app, db, files, listen } = await plant({ after }, { uploadTimeoutMs: 120_000 });
const address = await listen();

const picture = (format: 'png' | 'jpeg' | 'webp' | 'tiff', width = 64, height = 48): Promise<Buffer> =>
  sharp(randomBytes(width * height * 3), { raw: { width, height, channels: 3 } })
    .toFormat(format)
    .toBuffer();
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function inspection(token = 'aoi'): Promise<string> {
  const answer = await app.inject({ method: 'POST', url: '/v1/inspections', headers: bearer(token), payload: board() });
  return answer.json<Inspection>().id;
}
const upload = (
  id: string,
  kind: string,
  type: string,
  payload: Buffer | string | Readable,
  headers: Record<string, string> = {},
  token = 'aoi',
) =>
  app.inject({
    method: 'POST',
    url: `/v1/inspections/${id}/artifacts?kind=${kind}`,
    headers: { ...bearer(token), 'content-type': type, ...headers },
    payload,
  });
const get = (url: string, headers: Record<string, string> = {}, token = 'aoi') =>
  app.inject({ url, headers: { ...bearer(token), ...headers } });
const problem = (body: string) => (JSON.parse(body) as Problem).error.code;

test('pictures of every type are stored under their hash, with their size, as an event and an audit entry', async () => {
  const id = await inspection();
  for (const format of ['png', 'jpeg', 'webp', 'tiff'] as const) {
    const bytes = await picture(format);
    const answer = await upload(id, format === 'png' ? 'reference' : 'image', `image/${format}`, bytes, {
      'content-disposition': `attachment; filename="../b/${format}.bin"`,
    });
    assert.equal(answer.statusCode, 201, answer.body);
    const stored = answer.json<Artifact>();
    assert.equal(answer.headers.location, `/v1/artifacts/${stored.id}`);
    assert.deepEqual(
      [stored.sha256, stored.size, stored.width, stored.height, stored.readable],
      [sha256(bytes), bytes.length, 64, 48, true],
    );
    assert.equal(stored.filename, `${format}.bin`);
    assert.ok((await files()).includes(stored.sha256));
    const { rows } = await db.pool.query("select event from platform.outbox where event->'payload'->>'artifact_id' = $1", [stored.id]);
    assert.equal(rows[0].event.event_type, 'artifact.stored');
    assert.equal(
      (await db.pool.query("select 1 from platform.audit where object_id = $1 and action = 'artifact.stored'", [stored.id])).rowCount,
      1,
    );
    assert.deepEqual((await get(`/v1/artifacts/${stored.id}`)).json(), stored);
  }
  assert.equal((await get(`/v1/inspections/${id}?include=artifacts`)).json<Inspection>().artifacts?.length, 4);
});

test('documents are taken when they are what they say', async () => {
  const id = await inspection();
  const good: [string, string][] = [
    ['application/pdf', '%PDF-1.7\n...'],
    ['text/csv', 'a;b\n1;ü\n'],
    ['text/plain; charset=utf-8', 'words'],
    ['application/json', '{"a": [1, -2.5e3, "\\u00e9", null, true, {}]}'],
  ];
  for (const [type, text] of good) assert.equal((await upload(id, 'document', type, text)).statusCode, 201, type);
  const bad: [string, string | Buffer][] = [
    ['application/pdf', 'not a pdf'],
    ['text/csv', Buffer.from([0x61, 0xff, 0xfe])],
    ['text/plain', 'a\u0000b'],
    ['application/json', '{"a": 1,}'],
    ['application/json', '{"a": 1'],
  ];
  const before = (await files()).length;
  for (const [type, bytes] of bad) {
    const answer = await upload(id, 'measurement', type, bytes);
    assert.deepEqual([answer.statusCode, problem(answer.body)], [415, 'content_mismatch'], `${type} ${bytes}`);
  }
  assert.equal((await files()).length, before);
});

test('record, kind and type are judged before the body, and a refusal leaves nothing on the disk', async () => {
  const id = await inspection();
  const png = await picture('png');
  const before = await files();
  const foreign = await upload(id, 'image', 'image/png', png, {}, 'aoi2');
  const unknown = await upload('01900000-0000-7000-8000-000000000000', 'image', 'image/png', png);
  assert.deepEqual([foreign.statusCode, unknown.statusCode], [404, 404]);
  assert.equal((await upload('nonsense', 'image', 'image/png', png)).statusCode, 404);
  assert.equal((await upload(id, 'sound', 'image/png', png)).statusCode, 422);
  assert.equal(
    (
      await app.inject({
        method: 'POST',
        url: `/v1/inspections/${id}/artifacts`,
        headers: { ...bearer('aoi'), 'content-type': 'image/png' },
        payload: png,
      })
    ).statusCode,
    422,
  );
  for (const type of ['image/gif', 'application/octet-stream', 'application/pdf'])
    assert.equal((await upload(id, 'image', type, png)).statusCode, 415, type);
  assert.equal((await upload(id, 'document', 'image/png', png)).statusCode, 415);
  const lying = await upload(id, 'image', 'image/png', await picture('jpeg'));
  assert.deepEqual([lying.statusCode, problem(lying.body)], [415, 'content_mismatch']);
  const script = await upload(id, 'image', 'image/png', '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
  assert.equal(script.statusCode, 415);
  const headless = await upload(id, 'image', 'image/png', png.subarray(0, 8));
  assert.deepEqual([headless.statusCode, problem(headless.body)], [415, 'content_mismatch']);
  const empty = await upload(id, 'image', 'image/png', '');
  assert.deepEqual([empty.statusCode, problem(empty.body)], [422, 'empty_upload']);
  const other = await upload(id, 'image', 'image/png', png, { 'x-content-sha256': '0'.repeat(64) });
  assert.deepEqual([other.statusCode, problem(other.body)], [400, 'upload_incomplete']);
  assert.equal((await upload(id, 'image', 'image/png', png, {}, 'auditor')).statusCode, 403);
  assert.deepEqual(await files(), before);
  assert.equal((await db.pool.query('select 1 from intake.artifact where inspection_id = $1', [id])).rowCount, 0);
});

test('a picture that does not decode is stored as evidence and says so; one over 100 megapixels is refused by its header', async () => {
  const id = await inspection();
  const png = await picture('png', 200, 200);
  for (const [bytes, type] of [
    [png.subarray(0, png.length >> 1), 'image/png'],
    [(await picture('jpeg', 200, 200)).subarray(0, 3000), 'image/jpeg'],
  ] as const) {
    const answer = await upload(id, 'image', type, bytes);
    assert.equal(answer.statusCode, 201, answer.body);
    const stored = answer.json<Artifact>();
    assert.deepEqual([stored.readable, stored.width], [false, null]);
  }
  const huge = await sharp({ create: { width: 10_001, height: 10_000, channels: 3, background: 'black' } })
    .png()
    .toBuffer();
  const answer = await upload(id, 'image', 'image/png', huge);
  assert.deepEqual([answer.statusCode, problem(answer.body)], [413, 'picture_too_large']);
  assert.ok(!(await files()).includes(sha256(huge)));
});

test('a form carries the file in the field file; a form without it, with two, or cut off is refused', async () => {
  const id = await inspection();
  const png = await picture('png');
  const form = (parts: { name: string; type?: string; filename?: string; body: Buffer | string }[]) =>
    Buffer.concat([
      ...parts.flatMap(({ name, type, filename, body }) => [
        Buffer.from(
          `--b0\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n${type === undefined ? '' : `Content-Type: ${type}\r\n`}\r\n`,
        ),
        Buffer.from(body),
        Buffer.from('\r\n'),
      ]),
      Buffer.from('--b0--\r\n'),
    ]);
  const type = 'multipart/form-data; boundary=b0';
  const file = { name: 'file', type: 'image/png', filename: 'C:\\boards\\a\u202eb.png', body: png };
  const good = await upload(id, 'image', type, form([{ name: 'note', body: 'hello' }, file]));
  assert.equal(good.statusCode, 201, good.body);
  assert.deepEqual([good.json<Artifact>().sha256, good.json<Artifact>().filename], [sha256(png), 'ab.png']);
  const before = await files();
  assert.equal((await upload(id, 'image', type, form([{ name: 'note', body: 'hello' }]))).statusCode, 422);
  const fresh = { ...file, body: await picture('png') };
  assert.equal((await upload(id, 'image', type, form([fresh, { ...file, body: await picture('png') }]))).statusCode, 422);
  assert.equal((await upload(id, 'image', type, form([{ ...fresh, type: 'image/gif' }]))).statusCode, 415);
  assert.equal((await upload(id, 'image', 'multipart/form-data', form([fresh]))).statusCode, 400);
  const cut = form([fresh]);
  assert.equal((await upload(id, 'image', type, cut.subarray(0, cut.length - 30))).statusCode, 400);
  assert.deepEqual(await files(), before);
});

test('a body over 64 MiB is a 413, announced or not, and memory stays bounded', async () => {
  const id = await inspection();
  const chunk = Buffer.alloc(1024 * 1024, 0x20);
  let peak = 0;
  const base = process.memoryUsage().rss;
  const chunks = async function* (count: number) {
    for (let index = 0; index < count; index++) {
      peak = Math.max(peak, process.memoryUsage().rss);
      yield chunk;
    }
  };
  const send = (count: number, announced: boolean) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const outgoing = httpRequest(
        `${address}/v1/inspections/${id}/artifacts?kind=document`,
        {
          method: 'POST',
          headers: { ...bearer('aoi'), 'content-type': 'text/plain', ...(announced ? { 'content-length': count * chunk.length } : {}) },
        },
        async (answer) => {
          answer.setEncoding('utf8');
          let body = '';
          for await (const text of answer) body += text;
          resolve({ status: answer.statusCode ?? 0, body });
        },
      );
      outgoing.on('error', reject);
      Readable.from(chunks(count)).pipe(outgoing);
    });
  const before = await files();
  assert.equal((await send(65, true)).status, 413);
  assert.equal((await send(66, false)).status, 413);
  assert.deepEqual(await files(), before);
  const fits = await send(64, false);
  assert.equal(fits.status, 201, fits.body);
  assert.ok(peak - base < 200 * 1024 * 1024, `${Math.round((peak - base) / 1e6)} MB more than before`);
});

test('a body shorter than its Content-Length stores nothing', async () => {
  const id = await inspection();
  const png = await picture('png');
  const before = await files();
  const { port } = new URL(address);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(
    `POST /v1/inspections/${id}/artifacts?kind=image HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer aoi\r\nContent-Type: image/png\r\nContent-Length: ${png.length + 10}\r\n\r\n`,
  );
  socket.write(png);
  for (let tries = 0; tries < 1500 && (await files()).length === before.length; tries++) await sleep(20);
  assert.equal((await files()).length, before.length + 1, 'it is arriving');
  socket.destroy();
  for (let tries = 0; tries < 1500 && (await files()).length > before.length; tries++) await sleep(20);
  assert.deepEqual(await files(), before);
  assert.equal((await db.pool.query('select 1 from intake.artifact where inspection_id = $1', [id])).rowCount, 0);
});

test('a body that dribbles is cut off after the upload time-out and stores nothing', async (t) => {
  const slow = await plant({ after: (fn) => t.after(fn) }, { uploadTimeoutMs: 200 });
  const { port } = new URL(await slow.listen());
  const made = (
    await slow.app.inject({ method: 'POST', url: '/v1/inspections', headers: bearer('aoi'), payload: board() })
  ).json<Inspection>();
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => {});
  let told = '';
  socket.on('data', (chunk) => {
    told += chunk;
  });
  const start = performance.now();
  socket.write(
    `POST /v1/inspections/${made.id}/artifacts?kind=image HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer aoi\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nabc`,
  );
  await new Promise((resolve) => socket.once('close', resolve));
  assert.ok(performance.now() - start < 20_000);
  assert.ok(told.startsWith('HTTP/1.1 408'), told);
  assert.deepEqual(await slow.files(), []);
});

test('bytes are read whole, in ranges, and not at all when they are known; never sniffed', async () => {
  const id = await inspection();
  const png = await picture('png');
  const stored = (await upload(id, 'image', 'image/png', png)).json<Artifact>();
  const url = `/v1/artifacts/${stored.id}/content`;
  const whole = await get(url);
  assert.deepEqual(whole.rawPayload, png);
  assert.deepEqual(
    [whole.headers.etag, whole.headers['content-type'], whole.headers['x-content-type-options'], whole.headers['accept-ranges']],
    [`"${stored.sha256}"`, 'image/png', 'nosniff', 'bytes'],
  );
  for (const [range, from, to] of [
    ['bytes=0-9', 0, 10],
    ['bytes=10-', 10, png.length],
    ['bytes=-5', png.length - 5, png.length],
    ['bytes=5-999999', 5, png.length],
  ] as const) {
    const part = await get(url, { range });
    assert.equal(part.statusCode, 206);
    assert.equal(part.headers['content-range'], `bytes ${from}-${to - 1}/${png.length}`);
    assert.deepEqual(part.rawPayload, png.subarray(from, to));
  }
  const beyond = await get(url, { range: `bytes=${png.length}-` });
  assert.deepEqual([beyond.statusCode, beyond.headers['content-range']], [416, `bytes */${png.length}`]);
  assert.equal((await get(url, { range: 'lines=1-2' })).statusCode, 200);
  const known = await get(url, { 'if-none-match': `"${stored.sha256}"` });
  assert.deepEqual([known.statusCode, known.body], [304, '']);
  const head = await app.inject({ method: 'HEAD', url, headers: bearer('aoi') });
  assert.deepEqual([head.statusCode, head.headers['content-length'], head.body], [200, String(png.length), '']);
  assert.equal((await get(url, {}, 'engineerPg')).statusCode, 404);
  const page = (await upload(id, 'document', 'text/plain', '<script>alert(1)</script>')).json<Artifact>();
  assert.match(String((await get(`/v1/artifacts/${page.id}/content`)).headers['content-disposition']), /^attachment/);
});

test('a key makes an upload happen once; the same bytes are one blob for two records', async () => {
  const id = await inspection();
  const png = await picture('png');
  const send = (bytes: Buffer) => upload(id, 'image', 'image/png', bytes, { 'idempotency-key': 'upload-1' });
  const first = await send(png);
  const again = await send(png);
  assert.equal(again.statusCode, 201, again.body);
  assert.equal(again.body, first.body);
  assert.deepEqual([first.headers.etag, again.headers.etag], ['"1"', '"1"']);
  const stale = await upload(id, 'image', 'image/png', png, { 'if-match': '"99"' });
  assert.deepEqual([stale.statusCode, stale.headers.etag], [412, '"1"'], stale.body);
  assert.equal((await send(await picture('png'))).statusCode, 422);
  const second = await upload(await inspection(), 'image', 'image/png', png);
  assert.equal(second.statusCode, 201);
  assert.notEqual(second.json<Artifact>().id, first.json<Artifact>().id);
  assert.equal((await files()).filter((name) => name === sha256(png)).length, 1);
  assert.ok(
    (await files()).every((name) => /^[0-9a-f]{64}$/.test(name)),
    'nothing is left arriving',
  );
});

test('a disk that is nearly full refuses files', async (t) => {
  const full = await plant({ after: (fn) => t.after(fn) }, { minFreePercent: 100 });
  const made = (
    await full.app.inject({ method: 'POST', url: '/v1/inspections', headers: bearer('aoi'), payload: board() })
  ).json<Inspection>();
  const answer = await full.app.inject({
    method: 'POST',
    url: `/v1/inspections/${made.id}/artifacts?kind=image`,
    headers: { ...bearer('aoi'), 'content-type': 'image/png' },
    payload: await picture('png'),
  });
  assert.deepEqual([answer.statusCode, problem(answer.body)], [503, 'storage_full']);
  assert.ok(Number(answer.headers['retry-after']) > 0);
});

test('a file that fills the disk half-way, or finds the disk away: who sends it reads the answer, not a reset', async (t) => {
  const full = await plant({ after: (fn) => t.after(fn) });
  const base = await full.listen();
  const headers = { ...bearer('aoi'), 'content-type': 'application/json' };
  const made = (await (
    await fetch(`${base}/v1/inspections`, { method: 'POST', headers, body: JSON.stringify(board()) })
  ).json()) as Inspection;
  const send = () =>
    fetch(`${base}/v1/inspections/${made.id}/artifacts?kind=image`, {
      method: 'POST',
      headers: { ...bearer('aoi'), 'content-type': 'image/png' },
      body: new Uint8Array(1024 * 1024),
    });
  for (const code of ['storage_full', 'storage_unavailable'] as const) {
    full.blobs.stage = async (source) => {
      for await (const _ of source) throw new ProblemError(code, { retryAfter: 60 });
      throw new Error('there was no body');
    };
    for (let turn = 0; turn < 5; turn += 1) {
      const answer = await send();
      assert.deepEqual([answer.status, problem(await answer.text())], [503, code]);
    }
  }
  full.blobs.stage = async () => {
    throw new ProblemError('storage_unavailable', { retryAfter: 10 });
  };
  for (let turn = 0; turn < 5; turn += 1) assert.equal((await send()).status, 503);
});
