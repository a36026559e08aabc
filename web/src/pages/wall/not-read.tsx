import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Mark } from '../../parts/marks.tsx';

type What = 'held' | 'waiting' | 'stations' | 'hour';
interface Read {
  isError: boolean;
  refetch(): unknown;
}

/** Names what of the wall could not be read: what it shows of that is old, or nothing. */
export function NotRead({ reads }: { reads: readonly (readonly [What, Read])[] }) {
  const { t } = useTranslation();
  const failed = reads.filter(([, { isError }]) => isError);
  if (failed.length === 0) return null;
  return (
    <p role="status" className="wall-not-read tone-person">
      <Mark shape="waiting" /> {t('wall.not_read', { what: failed.map(([what]) => t(`wall.read_${what}`)).join(', ') })}{' '}
      <Button
        onClick={() => {
          for (const [, { refetch }] of failed) void refetch();
        }}
      >
        {t('act.retry')}
      </Button>
    </p>
  );
}
