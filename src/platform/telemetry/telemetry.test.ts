import assert from 'node:assert/strict';
import { test } from 'node:test';
import { censor, createLog, requestLines } from './log.ts';
import { createMetrics } from './metrics.ts';

test('no secret reaches a line, whatever its depth and spelling; the object that was logged stays as it was', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', service: 'test', destination: { write: (line) => void lines.push(line) } });
  const facts = {
    headers: { Authorization: 'Bearer s3cret', 'set-cookie': ['s3cret'], accept: 'a' },
    client_secret: 's3cret',
    list: [{ password: 's3cret' }],
    Access_Token: 's3cret',
    ok: 1,
  };
  log.info(facts, 'event');
  assert.ok(!lines.join('').includes('s3cret'), lines.join(''));
  assert.equal(facts.client_secret, 's3cret');
  const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  assert.equal(line.level, 'info');
  assert.equal(line.service, 'test');
  assert.equal(line.ok, 1);
  assert.match(String(line.time), /^\d{4}-.*Z$/);
  const plain = { a: 1, b: { c: 'x' } };
  assert.equal(censor(plain), plain, 'nothing to hide, nothing to copy');
});

test('made-up stations do not make series: at most the known ones and `other`', async () => {
  const metrics = createMetrics();
  metrics.knownStations(Array.from({ length: 6000 }, (_, at) => `S-${at}`));
  for (let at = 0; at < 8000; at++) metrics.inspection('visual', 'pending', `S-${at}`);
  const { text } = await metrics.render();
  const series = text.split('\n').filter((line) => line.startsWith('inspections_total{') && line.includes('station_id="S-'));
  assert.equal(series.length, 5000);
  assert.ok(text.includes('inspections_total{inspection_type="visual",status="pending",station_id="other"} 3000'));
});

test('a gauge that cannot be read in time does not hold up the scrape', async () => {
  const metrics = createMetrics();
  metrics.activeInspections.set({ inspection_type: 'visual' }, 7);
  metrics.onScrape(() => new Promise(() => undefined));
  metrics.onScrape(() => {
    throw new Error('away');
  });
  const began = performance.now();
  const { text, contentType } = await metrics.render();
  assert.ok(performance.now() - began < 20_000);
  assert.match(contentType, /^text\/plain/);
  assert.ok(text.includes('active_inspections_count{inspection_type="visual"} 7'));
});

test('what gauges are read from is asked once for all who scrape at once or soon after', async () => {
  const metrics = createMetrics();
  let asked = 0;
  metrics.onScrape(() => {
    asked += 1;
  });
  await Promise.all(Array.from({ length: 20 }, () => metrics.render()));
  await metrics.figures();
  assert.equal(asked, 1);
  metrics.inspection('visual', 'pending', null);
  assert.match((await metrics.render()).text, /inspections_total\{inspection_type="visual",status="pending",station_id="other"\} 1/);
  for (const end = Date.now() + 20_000; asked === 1 && Date.now() < end; ) await metrics.render();
  assert.equal(asked, 2, 'again when its time is over');
});

test('a request line is JSON whatever stands in its words, with what pino would have said', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', service: 'test "x"', destination: { write: (line) => void lines.push(line) } });
  const write = requestLines(log);
  const line = {
    method: 'POST',
    route: '/v1/x/{id}',
    status: 201,
    duration_ms: 1.25,
    request_id: 'r-1',
    client_ip: '::1',
    caller: 'a "b" \n',
  };
  write('info', { ...line, inspection_id: undefined, trace_id: 'f'.repeat(32) });
  write('debug', line);
  log.info({ ...line, trace_id: 'f'.repeat(32) }, 'request');
  assert.equal(lines.length, 2, 'a level that is off writes nothing');
  const [ours, pinos] = lines.map((text) => JSON.parse(text) as Record<string, unknown>);
  assert.deepEqual({ ...ours, time: '' }, { ...pinos, time: '' });
});
