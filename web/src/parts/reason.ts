import type { TFunction } from 'i18next';
import type { WaitingReason } from '../../../src/contracts/inspections.ts';
import type { ReviewItem } from '../../../src/contracts/review.ts';
import { saidWords } from './said.ts';

/** Why an inspection that has its verdict is looked at all the same. */
type LookReason = 'random_audit' | 'critical_defect' | 'models_disagree' | 'second_opinion' | 'third_opinion';
const WAITING: Record<WaitingReason | LookReason, true> = {
  random_audit: true,
  critical_defect: true,
  models_disagree: true,
  second_opinion: true,
  third_opinion: true,
  input_timeout: true,
  unreadable_image: true,
  unreadable_reference: true,
  size_mismatch: true,
  model_failed: true,
  no_limits: true,
  uncertain: true,
};

/** A waiting reason, or what the platform says of a verdict or a hold, in the reader's words; what a person wrote stays as it is. */
export function reasonWords(t: TFunction, reason: string | null | undefined): string | null {
  if (!reason) return null;
  return Object.hasOwn(WAITING, reason) ? t(`why.${reason as WaitingReason | LookReason}`) : (saidWords(t, reason) ?? reason);
}

/** Why an item stands in the review queue; of two versions, which they are and in how much they differ. */
export function whyOf(t: TFunction, { why, disagreement }: Pick<ReviewItem, 'why' | 'disagreement'>): string {
  if (!disagreement) return reasonWords(t, why) ?? '';
  const { role, production_version, candidate_version, calls_differ } = disagreement;
  return t('why.versions_differ', {
    count: calls_differ,
    production: production_version,
    candidate: candidate_version,
    role: t(`stage.${role}`),
  });
}
