import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import type { SettleRequest } from '../../../../src/contracts/models.ts';
import type { ReviewDisagreement } from '../../../../src/contracts/review.ts';
import type { Key } from '../../app/keys.ts';
import type { BoardMark } from '../../board/frames.tsx';
import { useCallWords } from '../../parts/call-words.ts';

type Right = SettleRequest['right'];
const KEYS: readonly (readonly [string, Right])[] = [
  ['p', 'production'],
  ['c', 'candidate'],
  ['n', 'neither'],
  ['u', 'cannot_tell'],
];

/** The keys that say which of two versions called a board rightly. */
export const settleKeys = (t: TFunction, say: (right: Right) => void): Key[] =>
  KEYS.map(([key, right]) => ({ key, word: t(`review.right_${right}`), run: () => say(right) }));

/** Where two versions differ, in words and as frames on the board: amber what the candidate called, red what production did. */
export function useDifferences(disagreement: ReviewDisagreement | null): { words: string[]; marks: BoardMark[] } {
  const { t } = useTranslation();
  const call = useCallWords();
  const differences = disagreement?.differences ?? [];
  return {
    words: differences.map((one) => t('comparison.says', { production: call(one.production), candidate: call(one.candidate) })),
    marks: differences.flatMap((one, i) =>
      (['production', 'candidate'] as const).flatMap((who): BoardMark[] => {
        const found = one[who];
        if (!found) return [];
        const label = `${t(`comparison.${who}`)}: ${call(found)}`;
        return [{ id: `${who}-${i}`, box: found.box, label, look: who === 'candidate' ? 'person' : 'wrong' }];
      }),
    ),
  };
}

/** What differs, and how much of it is not listed. */
export function Differences({ words, more }: { words: readonly string[]; more: number }) {
  return (
    <>
      {words.map((one, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: differences of a disagreement never change
        <li key={i} className="whole">
          {one}
        </li>
      ))}
      {more > 0 ? <li className="whole quiet">+ {more}</li> : null}
    </>
  );
}
