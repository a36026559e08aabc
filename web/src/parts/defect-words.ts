import type { TFunction } from 'i18next';
import type { Defect, Severity } from '../../../src/contracts/defects.ts';
import { BOARD_CLASSES } from './board-classes.ts';

/** "2 open, 1 short": what stands, worst classes first; rejected findings do not count. */
export function countWords(t: TFunction, defects: readonly Defect[]): string {
  const counts = new Map<Defect['class'], number>();
  for (const defect of defects) if (defect.state !== 'rejected') counts.set(defect.class, (counts.get(defect.class) ?? 0) + 1);
  return [...BOARD_CLASSES, 'out_of_limits' as const]
    .flatMap((name) => (counts.has(name) ? [`${counts.get(name)} ${t(`defect.${name}`)}`] : []))
    .join(', ');
}

const RANK: Record<Severity, number> = { critical: 4, high: 3, medium: 2, low: 1 };

/** The gravest finding that stands; among equals the one with the higher score. */
export function worstDefect(defects: readonly Defect[]): Defect | null {
  return defects
    .filter(({ state }) => state !== 'rejected')
    .reduce<Defect | null>(
      (worst, one) => (!worst || RANK[one.severity] * 10 + (one.score ?? 1) > RANK[worst.severity] * 10 + (worst.score ?? 1) ? one : worst),
      null,
    );
}
