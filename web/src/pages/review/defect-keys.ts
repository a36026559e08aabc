import type { TFunction } from 'i18next';
import type { Defect } from '../../../../src/contracts/defects.ts';
import type { LookOutcome } from '../../../../src/contracts/review.ts';
import type { Decision } from '../../api/changes.ts';
import type { Key } from '../../app/keys.ts';
import type { Choice } from '../../decisions/outbox.ts';
import { saidWords } from '../../decisions/words.ts';
import { BOARD_CLASSES } from '../../parts/board-classes.ts';

/** The keys that decide one proposed finding: confirm, reject, or say what it is instead. A measurement has no class to choose. */
export function defectKeys(t: TFunction, defect: Defect, decide: (decision: Decision) => void): Key[] {
  return [
    { key: 'c', word: t('review.confirm'), run: () => decide({ decision: 'confirm' }) },
    { key: 'r', word: t('review.reject'), run: () => decide({ decision: 'reject' }) },
    ...(defect.box
      ? BOARD_CLASSES.map(
          (name, i): Key => ({
            key: String(i + 1),
            word: t('review.is_class', { name: t(`defect.${name}`) }),
            run: () => decide(name === defect.class ? { decision: 'confirm' } : { decision: 'reclassify', class: name }),
          }),
        )
      : []),
  ];
}

type Judge = (verdict: 'pass' | 'fail' | 'inconclusive') => void;
/** The keys that judge a board by hand. With findings left it can only be left undecided: its findings say whether it is good. */
export const handKeys = (t: TFunction, judge: Judge, findingsLeft: boolean): Key[] => [
  ...(findingsLeft
    ? []
    : [
        { key: 'p', word: t('review.pass'), run: () => judge('pass') },
        { key: 'f', word: t('review.fail'), run: () => judge('fail') },
      ]),
  { key: 'u', word: t('review.cannot_tell'), run: () => judge('inconclusive') },
];

export interface Answer {
  agree(): void;
  cannotTell(): void;
  /** Begins to mark what was missed. */
  mark(): void;
  /** Sends what was marked; null while nothing is. */
  send: (() => void) | null;
}
/** The keys that answer an audit: a pass that was drawn at random. */
export const auditKeys = (t: TFunction, { agree, cannotTell, mark, send }: Answer): Key[] => [
  ...(send
    ? [{ key: 's', word: t('review.send_missed'), run: send }]
    : [
        { key: 'a', word: t('review.agrees'), run: agree },
        { key: 'u', word: t('review.cannot_tell'), run: cannotTell },
      ]),
  { key: 'm', word: t('review.mark_missed'), run: mark },
];

/** The keys that answer an audit again. Only a third marks what was missed: `mark` is null for the second, and `missed` while nothing is marked. */
export const repeatKeys = (
  t: TFunction,
  { say, mark, missed }: { say(outcome: LookOutcome): void; mark: (() => void) | null; missed: boolean },
): Key[] => [
  { key: 'a', word: saidWords(t, 'agrees'), run: () => say('agrees') },
  ...(missed ? [{ key: 'n', word: saidWords(t, 'disagrees'), run: () => say('disagrees') }] : []),
  { key: 'u', word: saidWords(t, 'cannot_tell'), run: () => say('cannot_tell') },
  ...(mark ? [{ key: 'm', word: t('review.mark_missed'), run: mark }] : []),
];

export const choiceOf = (defect: Defect, decision: Decision, item = defect.inspection_id): Choice => ({
  kind: 'defect',
  item,
  inspection: defect.inspection_id,
  defect: { id: defect.id, version: defect.version },
  decision,
});

/** Findings as they stand once what was said here has its effect. */
export function withDecisions(defects: readonly Defect[], decided: ReadonlyMap<string, Choice>): Defect[] {
  return defects.map((defect): Defect => {
    const choice = decided.get(defect.id);
    if (choice?.kind !== 'defect' || defect.state !== 'proposed') return defect;
    if (choice.decision.decision === 'reclassify') return { ...defect, state: 'confirmed', class: choice.decision.class };
    return { ...defect, state: choice.decision.decision === 'confirm' ? 'confirmed' : 'rejected' };
  });
}
