import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { ProblemText } from './problem-text.tsx';

/** At the end of a list whose next page did not come: it is asked for again when a person says so, and not by itself for ever. */
export function MoreFailed({ error, retry }: { error: unknown; retry(): void }) {
  const { t } = useTranslation();
  return (
    <p role="alert" className="table-more">
      {t('list.more_failed')} <ProblemText error={error} /> <Button onClick={retry}>{t('act.retry')}</Button>
    </p>
  );
}
