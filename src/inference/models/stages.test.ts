import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MODEL_STAGES } from '../../contracts/inference.ts';
import { type Plan, planRollback, planStage, planWithdrawal, type Standing } from './stages.ts';

const model = (...stages: Standing['stage'][]): Standing[] =>
  stages.map((stage, at) => ({ version: at + 1, stage, canary_percent: stage === 'canary' ? 10 : null, replaced: null, withdrawn: false }));

function after(versions: readonly Standing[], plan: Plan): Standing[] {
  if (plan.kind === 'refused') return [...versions];
  const next = new Map(versions.map((one) => [one.version, one]));
  for (const { version, to, canary_percent, replaced, withdrawn } of plan.steps)
    next.set(version, { version, stage: to, canary_percent, replaced, withdrawn });
  return [...next.values()];
}
const steps = (plan: Plan) => (plan.kind === 'steps' ? plan.steps.map(({ version, from, to }) => `${version} ${from} ${to}`) : plan.rule);

test('a version goes to production through the canary, retires the one before, and a rollback brings that back', () => {
  let versions = model('production', 'draft');
  assert.equal(steps(planStage(versions, 2, 'production')), 'transition');
  versions = after(versions, planStage(versions, 2, 'canary', 25));
  assert.deepEqual(versions[1], { version: 2, stage: 'canary', canary_percent: 25, replaced: null, withdrawn: false });
  const promotion = planStage(versions, 2, 'production');
  assert.deepEqual(steps(promotion), ['1 production retired', '2 canary production']);
  versions = after(versions, promotion);
  assert.deepEqual(
    versions.map(({ withdrawn, replaced }) => [withdrawn, replaced]),
    [
      [false, null],
      [false, 1],
    ],
  );
  const back = planRollback(versions);
  assert.deepEqual(steps(back), ['2 production retired', '1 retired production']);
  versions = after(versions, back);
  assert.equal(versions[1]?.withdrawn, true, 'its lots go on with production');
  assert.equal(steps(planRollback(versions)), 'target', 'nothing stands before the first');
});

test('the places of shadow and canary are held by one each; a canary is left by being taken back, or promoted', () => {
  const versions = model('production', 'canary', 'shadow', 'draft', 'retired');
  assert.equal(steps(planStage(versions, 4, 'shadow')), 'occupied');
  assert.equal(steps(planStage(versions, 3, 'canary')), 'occupied');
  assert.equal(steps(planStage(versions, 2, 'draft')), 'transition');
  assert.equal(steps(planStage(versions, 1, 'retired')), 'transition');
  assert.equal(steps(planStage(versions, 5, 'production')), 'transition');
  assert.equal(steps(planStage(versions, 4, 'retired', 5)), 'percent');
  assert.equal(steps(planStage(versions, 9, 'shadow')), 'target');
  assert.deepEqual(steps(planStage(versions, 2, 'canary', 20)), ['2 canary canary']);
  assert.deepEqual(steps(planWithdrawal(versions, 2)), ['2 canary retired']);
  assert.deepEqual(steps(planWithdrawal(model('production', 'canary'), 2)), ['2 canary shadow']);
  assert.equal(steps(planWithdrawal(versions, 3)), 'target');
});

test('a rollback is of the version that was seen in production, and leads to none that was taken back itself', () => {
  const versions = after(model('production', 'canary'), planStage(model('production', 'canary'), 2, 'production'));
  assert.deepEqual(steps(planRollback(versions, 2)), ['2 production retired', '1 retired production']);
  assert.equal(steps(planRollback(versions, 1)), 'target');
  const taken = versions.map((one) => (one.version === 1 ? { ...one, withdrawn: true } : one));
  assert.equal(steps(planRollback(taken)), 'target');
});

test('whatever is asked in whatever order: at most one shadow, one canary and one production, and production is never lost', () => {
  const wish = fc.record({
    how: fc.constantFrom('stage', 'stage', 'stage', 'rollback', 'withdraw'),
    version: fc.integer({ min: 1, max: 4 }),
    to: fc.constantFrom(...MODEL_STAGES),
    percent: fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(wish, { maxLength: 40 }), (wishes) => {
      let versions = model('production', 'draft', 'draft', 'draft');
      for (const { how, version, to, percent } of wishes) {
        const plan =
          how === 'rollback'
            ? planRollback(versions)
            : how === 'withdraw'
              ? planWithdrawal(versions, version)
              : planStage(versions, version, to, percent);
        if (plan.kind === 'steps')
          for (const one of plan.steps) {
            versions = after(versions, { kind: 'steps', steps: [one] });
            for (const stage of ['shadow', 'canary', 'production'])
              assert.ok(versions.filter((each) => each.stage === stage).length <= 1, `two in ${stage} between two steps`);
          }
        assert.equal(versions.filter(({ stage }) => stage === 'production').length, 1);
        assert.ok(versions.every(({ stage, canary_percent }) => (stage === 'canary') === (canary_percent !== null)));
        assert.ok(versions.every(({ stage, withdrawn }) => !withdrawn || !['canary', 'production'].includes(stage)));
      }
    }),
  );
});
