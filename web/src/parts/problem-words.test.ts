import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiProblem } from '../api/client.ts';
import { spoken } from '../words/at-once.ts';
import { de } from '../words/de.ts';
import { fieldFaults, problemWords } from './problem-words.ts';

const { t } = spoken;
const problem = (status: number, code: ApiProblem['code'], details: ApiProblem['details'] = []) =>
  new ApiProblem(status, code, 'Some English words', details, 'req-1');

test('no text of a browser or of a code without words reaches the page as it is', () => {
  assert.equal(problemWords(t, new TypeError('Failed to fetch')), de.problem.code.unknown);
  assert.equal(problemWords(t, problem(0, 'unreachable')), de.problem.code.unreachable);
  assert.equal(problemWords(t, problem(412, 'precondition_failed')), de.problem.code.precondition_failed);
  assert.match(problemWords(t, problem(500, 'database_error')), /Anfrage req-1/);
  assert.match(problemWords(t, problem(409, 'lot_not_releasable')), /Los.*Some English words/);
});

test('a fault of a field names the field, and stands at its input where there is one', () => {
  const refused = problem(422, 'validation_error', [
    { field: 'body -> reason', message: 'must NOT have fewer than 3 characters', constraint: 'minLength' },
    { field: 'body -> canary_percent', message: 'must be <= 50', constraint: 'maximum' },
    { field: 'body -> thresholds', message: 'must differ from what is in force', constraint: 'differs' },
  ]);
  assert.deepEqual(fieldFaults(t, refused), {
    reason: de.problem.field.minLength,
    canary_percent: de.problem.field.maximum,
    thresholds: 'must differ from what is in force',
  });
  const words = problemWords(t, refused, ['reason']);
  assert.ok(!words.includes('reason:'), words);
  assert.ok(words.includes(`canary_percent: ${de.problem.field.maximum}`), words);
});
