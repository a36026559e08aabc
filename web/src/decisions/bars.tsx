import { Button, Kbd } from '@mantine/core';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../../api/client.ts';
import { useKeys } from '../../app/keys.ts';
import { useNow } from '../../parts/age.tsx';
import { saidWords } from './defect-keys.ts';
import { type Choice, UNDO_MS, type Waiting } from './outbox.ts';

function wordsOf(t: TFunction, choice: Choice): string {
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

/** What was decided and is not yet sent. It has its room on the page, so that nothing moves when it comes. */
export function UndoBar({ waiting, onUndo }: { waiting: readonly Waiting[]; onUndo(): void }) {
  const { t } = useTranslation();
  const now = useNow();
  const last = waiting.at(-1);
  useKeys(t('page.review'), last ? [{ key: 'z', word: t('key.undo'), run: onUndo }] : []);
  if (!last) return <div className="undo-bar empty" />;
  const { choice } = last;
  const words = wordsOf(t, choice);
  return (
    <div className="undo-bar" role="status">
      <span>
        {words}
        {waiting.length > 1 ? ` (${t('review.more_waiting', { count: waiting.length - 1 })})` : ''}
      </span>
      <Button onClick={onUndo}>
        {t('review.undo')} <Kbd>Z</Kbd>
      </Button>
      <span className="quiet number" aria-hidden="true">
        {Math.min(UNDO_MS / 1000, Math.max(0, Math.ceil((last.due - now) / 1000)))} s
      </span>
    </div>
  );
}

export function ErrorBar({ error, onClose }: { error: unknown; onClose(): void }) {
  const { t } = useTranslation();
  if (!error) return null;
  const problem = error instanceof ApiProblem ? error : null;
  return (
    <p role="alert" className="error-bar">
      <strong>{t('review.not_sent')}</strong>{' '}
      {problem?.status === 412 || problem?.status === 409
        ? t('review.someone_else')
        : problem?.status === 0
          ? t('problem.unreachable.means')
          : (problem?.message ?? String(error))}
      <Button onClick={onClose}>{t('act.close')}</Button>
    </p>
  );
}
