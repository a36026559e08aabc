import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeInputs } from './inputs.ts';

const picture = (sha256: string, readable: boolean | null = true, expired = false) => ({ id: `id-${sha256}`, sha256, readable, expired });
const [image, reference] = [picture('i'), picture('r')];

test('what a run needs: an image, and the golden template or else a posted reference', () => {
  const whole = (golden: string) => ({ kind: 'whole', image: 'i', reference: golden });
  assert.deepEqual(judgeInputs({ image, reference: null, template: 't' }), whole('t'));
  assert.deepEqual(judgeInputs({ image, reference, template: null }), whole('r'));
  assert.deepEqual(judgeInputs({ image, reference, template: 't' }), whole('t'), 'the golden template goes first');
  for (const given of [
    { image: null, reference, template: 't' },
    { image, reference: null, template: null },
    { image: null, reference: null, template: null },
    { image: picture('i', true, true), reference, template: 't' },
    { image, reference: picture('r', true, true), template: null },
  ])
    assert.equal(judgeInputs(given).kind, 'missing', JSON.stringify(given));
});

test('a picture that does not decode is told at once; a bad reference does not matter where there is a template', () => {
  const reasonOf = (given: Parameters<typeof judgeInputs>[0]) => {
    const inputs = judgeInputs(given);
    return inputs.kind === 'unreadable' ? inputs.reason : inputs.kind;
  };
  assert.equal(reasonOf({ image: picture('i', false), reference: null, template: null }), 'unreadable_image');
  assert.equal(reasonOf({ image: null, reference: picture('r', false), template: null }), 'unreadable_reference');
  assert.equal(reasonOf({ image, reference: picture('r', false), template: 't' }), 'whole');
  assert.equal(reasonOf({ image: picture('i', false), reference: picture('r', false), template: null }), 'unreadable_image');
});
