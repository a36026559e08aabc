import { Button, Kbd } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../api/client.ts';
import { useKeys } from '../app/keys.ts';
import { Link } from '../app/link.tsx';
import { useNow } from '../parts/age.tsx';
import { Mark } from '../parts/marks.tsx';
import { ProblemText } from '../parts/problem-text.tsx';
import { useFormats } from '../words/index.ts';
import { UNDO_MS, type Waiting } from './outbox.ts';
import { TooOld, useAllDecisions } from './provider.tsx';
import { choiceWords } from './words.ts';

/** What was decided and is not yet sent. It has its room on the page, so that nothing moves when it comes. */
export function UndoBar({ waiting, onUndo }: { waiting: readonly Waiting[]; onUndo(): void }) {
  const { t } = useTranslation();
  const now = useNow();
  const last = waiting.at(-1);
  useKeys(t('page.review'), last ? [{ key: 'z', word: t('key.undo'), run: onUndo }] : []);
  if (!last) return <div className="undo-bar empty" />;
  return (
    <div className="undo-bar" role="status">
      <span>
        {choiceWords(t, last.choice)}
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

/** Decisions that did not reach the platform: on every page, until they are sent. */
export function UnsentBand() {
  const { t } = useTranslation();
  const format = useFormats();
  const { unsent } = useAllDecisions();
  if (unsent.length === 0) return null;
  return (
    <p role="status" className="offline-band">
      <Mark shape="waiting" /> {t('review.unsent', { count: unsent.length, shown: format.whole(unsent.length) })}
    </p>
  );
}

/** Decisions that the platform refused: on every page, until they are read. */
export function RefusedBar() {
  const { t } = useTranslation();
  const format = useFormats();
  const { refused, lost, clearRefused } = useAllDecisions();
  if (refused.length + lost === 0) return null;
  return (
    <div role="alert" className="error-bar">
      <div>
        <strong>{t('review.not_sent', { count: refused.length + lost })}</strong>
        <ul>
          {refused.map(({ choice, error }, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: they are only added, and taken away all at once
            <li key={i}>
              <Link to="/inspections/$id" params={{ id: choice.inspection }}>
                {choiceWords(t, choice)}
              </Link>
              {': '}
              {error instanceof TooOld ? (
                t('review.too_old')
              ) : error instanceof ApiProblem && (error.status === 412 || error.status === 409) ? (
                t('review.someone_else')
              ) : (
                <ProblemText error={error} />
              )}
            </li>
          ))}
          {lost > 0 ? <li>{t('review.lost', { count: lost, shown: format.whole(lost) })}</li> : null}
        </ul>
      </div>
      <Button onClick={clearRefused}>{t('act.close')}</Button>
    </div>
  );
}
