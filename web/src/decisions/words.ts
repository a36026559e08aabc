import type { TFunction } from 'i18next';
import type { LookOutcome } from '../../../src/contracts/review.ts';
import type { Choice } from './outbox.ts';

/** What a reviewer said of an audit. */
export const saidWords = (t: TFunction, outcome: LookOutcome): string =>
  outcome === 'agrees' ? t('review.agrees') : outcome === 'disagrees' ? t('review.missed_something') : t('review.cannot_tell');

/** What was decided, short: beside the undo, and where it was not taken. */
export function choiceWords(t: TFunction, choice: Choice): string {
  if (choice.kind === 'verdict') return t(`review.said_${choice.verdict}`);
  if (choice.kind === 'settle') {
    const right = t(`review.right_${choice.right}`);
    return choice.missed ? `${right}; ${t('review.said_disagrees', { count: choice.missed.review.missed?.length ?? 0 })}` : right;
  }
  if (choice.kind === 'repeat') return saidWords(t, choice.review.outcome);
  if (choice.kind === 'look')
    return choice.review.outcome === 'disagrees'
      ? t('review.said_disagrees', { count: choice.review.missed?.length ?? 0 })
      : t(`review.said_${choice.review.outcome}`);
  return choice.decision.decision === 'reclassify'
    ? t('review.said_reclassify', { name: t(`defect.${choice.decision.class}`) })
    : t(`review.said_${choice.decision.decision}`);
}
