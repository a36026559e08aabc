import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { problemWords } from './problem-words.ts';

/** At the end of a list whose next page did not come: it is asked for again when a person says so, and not by itself for ever. */
export function MoreFailed({ error, retry }: { error: unknown; retry(): void }) {
  const { t } = useTranslation();
  return (
    <p role="alert" className="table-more">
      {t('list.more_failed')} {problemWords(t, error)} <Button onClick={retry}>{t('act.retry')}</Button>
    </p>
  );
}
