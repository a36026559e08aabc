import { useQueries, useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useReads } from '../../api/use-reads.ts';
import { Link } from '../../app/link.tsx';
import { Failed, Notice, Skeleton } from '../../parts/notice.tsx';

/** Two sites have a lot of this name: the person says which is meant. */
export function WhichSite({ lotId }: { lotId: string }) {
  const { t } = useTranslation();
  const reads = useReads();
  const sites = useQuery(reads.sites());
  const lots = useQueries({ queries: (sites.data?.data ?? []).map(({ code }) => reads.lot(lotId, code)) });
  const found = lots.flatMap(({ data }) => (data ? [data] : []));
  if (sites.error && !sites.data) return <Failed error={sites.error} retry={() => void sites.refetch()} />;
  if (sites.isPending || lots.some(({ isPending }) => isPending)) return <Skeleton rows={1} height={120} />;
  return (
    <Notice shape="open" title={t('lots.which_site', { lot: lotId })}>
      <ul className="lot-sites">
        {found.map(({ site, state }) => (
          <li key={site}>
            <Link to="/lots/$lotId" params={{ lotId }} search={{ site }}>
              {site}
            </Link>{' '}
            <span className="quiet">{t(`lot_state.${state}`)}</span>
          </li>
        ))}
      </ul>
    </Notice>
  );
}
