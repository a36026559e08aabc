import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BoardClass } from '../../src/contracts/defects.ts';
import { holdReason } from '../../src/disposition/hold-rules.ts';
import { judgeMeasurements } from '../../src/disposition/limits.ts';
import { counted, judgeFindings, type Policy } from '../../src/disposition/rules.ts';
import { reasonWords } from '../../web/src/parts/reason.ts';
import { spoken } from '../../web/src/words/at-once.ts';

const policy: Policy = {
  name: 'standard',
  version: 1,
  rules: {
    severity: { open: 'critical', pin_hole: 'medium', spur: 'low', out_of_limits: 'high' },
    fail_from: 'medium',
    review_band: 0,
    hold: { min_judged: 10, fail_fraction: 0.3 },
  },
};
const found = (...classes: BoardClass[]) => classes.map((name) => ({ class: name, score: 0.9, box: { x: 0, y: 0, width: 8, height: 8 } }));
const measured = (...values: number[]) =>
  values.map((value, id) => ({ id: String(id), characteristic: `R${id}`, value, unit: 'ohm', lsl: 0, usl: 5, target: null }));
const lenient: Policy = { ...policy, rules: { ...policy.rules, severity: { out_of_limits: 'low' } } };
const reasonOf = (judged: { reason: string }) => judged.reason;
const two = [
  { class: 'open', severity: 'critical' },
  { class: 'pin_hole', severity: 'medium' },
] as const;

/** What the platform writes, by its own rules; the last seven stand inside of its changes. */
const WRITTEN: [string | null, string][] = [
  [reasonOf(judgeFindings(found('open', 'open', 'pin_hole'), policy, {})), '2 Unterbrechung, 1 Loch über der Schwelle; standard 1'],
  [reasonOf(judgeFindings([], policy, {})), 'kein Fehler über seiner Schwelle; standard 1'],
  [reasonOf(judgeFindings(found('spur'), policy, {})), 'nur 1 Ausläufer, was ein Teil nicht schlecht macht; standard 1'],
  [reasonOf(judgeMeasurements(measured(9, 1), [], policy)), '1 von 2 Werten außerhalb der Grenzen: R0; standard 1'],
  [reasonOf(judgeMeasurements(measured(1, 2), [], policy)), '2 Werte innerhalb der Grenzen; standard 1'],
  [
    reasonOf(judgeMeasurements(measured(9, 9), [], lenient)),
    '2 Werte außerhalb der Grenzen, was ein Teil nicht schlecht macht; standard 1',
  ],
  [holdReason('open', { judged: 20, failed: 10 }, true, policy), '10 von 20 beurteilten Prüfungen schlecht, mehr als 30 %; standard 1'],
  [
    holdReason('released', { judged: 20, failed: 1 }, true, policy),
    'ein schlechtes Teil nach der Freigabe: 1 von 20 beurteilten Prüfungen schlecht; standard 1',
  ],
  [`${counted([...two])} confirmed in review; standard 1`, '1 Unterbrechung, 1 Loch in der Nachprüfung bestätigt; standard 1'],
  ['1 of 2 defects confirmed in review; standard 1', '1 von 2 Fehlern in der Nachprüfung bestätigt; standard 1'],
  ['missed, found by an audit', 'übersehen, bei einer Stichprobe gefunden'],
  ['missed, found where two versions disagree', 'übersehen, gefunden, wo zwei Versionen uneinig sind'],
  ['superseded by run 01a21de9-3fb4-72ff-a35b-c48938ae3662', 'abgelöst durch Lauf 01a21de9-3fb4-72ff-a35b-c48938ae3662'],
  ['all defects rejected in review; standard 1', 'alle Fehler in der Nachprüfung verworfen; standard 1'],
  [
    'all defects rejected in review, other values have no limits; standard 1',
    'alle Fehler in der Nachprüfung verworfen, andere Werte haben keine Grenzen; standard 1',
  ],
];

test('what the platform says of a verdict or a hold is told in the language of the reader', () => {
  for (const [reason, german] of WRITTEN) {
    assert.equal(reasonWords(spoken.getFixedT('de'), reason), german);
    assert.equal(reasonWords(spoken.getFixedT('en'), reason), reason);
  }
});

test('what a person wrote stays as it is', () => {
  for (const reason of ['Seen by eye: good', 'no defect over its threshold', '2 open; see photo 7', 'held since 2026; shift 3'])
    assert.equal(reasonWords(spoken.getFixedT('de'), reason), reason);
  assert.equal(reasonWords(spoken.getFixedT('de'), null), null);
});
