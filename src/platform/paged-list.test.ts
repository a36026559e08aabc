import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleApp } from '../../test/support/sample-app.ts';
import { answerList, type PagedList } from './paged-list.ts';

/** Rows this wide are on their way before the last of them are made. */
const FILLER = 'x'.repeat(1000);

/** Numbers from 1 to `length`, as a list. */
const numbers = (length: number, mostRows: number): PagedList<number, number, number> => ({
  read: async (behind, limit) => Array.from({ length: Math.min(limit, length - (behind ?? 0)) }, (_, at) => (behind ?? 0) + at + 1),
  position: (row) => row,
  parsePosition: (value) => (typeof value === 'number' ? value : undefined),
  show: (rows) => rows,
  csv: { filename: 'numbers.csv', columns: ['number', 'filler'], cells: (row) => [row, FILLER], mostRows },
});

test('a file that would have more rows than it may is no whole answer; one that has just as many is', async (t) => {
  const app = await sampleApp();
  t.after(() => app.close());
  const most = 1200;
  for (const length of [most - 1, most, most + 1, 3 * most])
    app.get(`/numbers/${length}`, { config: { permission: 'none' } }, (request, reply) =>
      answerList(request, reply, request.query as { limit?: number }, numbers(length, most)),
    );
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const fileOf = async (path: string) => {
    const answer = await fetch(`${address}/numbers/${path}`, { headers: { accept: 'text/csv' } });
    assert.equal(answer.status, 200);
    return (await answer.text())
      .trimEnd()
      .split('\r\n')
      .slice(1)
      .map((line) => Number.parseInt(line, 10));
  };
  for (const length of [most - 1, most])
    assert.deepEqual(
      await fileOf(String(length)),
      Array.from({ length }, (_, at) => at + 1),
    );
  for (const length of [most + 1, 3 * most]) await assert.rejects(fileOf(String(length)), /terminated/);
  assert.deepEqual(await fileOf(`${3 * most}?limit=2`), [1, 2], 'who named a number of rows gets them');
});
