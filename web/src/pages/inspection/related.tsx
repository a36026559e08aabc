import { useInfiniteQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import { useReads } from '../../api/use-reads.ts';
import { Link } from '../../app/link.tsx';
import { Age } from '../../parts/age.tsx';
import { ProblemText } from '../../parts/problem-text.tsx';
import { InspectionMark } from '../../parts/state.tsx';

/** The other inspections of the same unit. */
export function RelatedAttempts({ inspection }: { inspection: Inspection }) {
  const { t } = useTranslation();
  const reads = useReads();
  const { data, error } = useInfiniteQuery({ ...reads.unit(inspection.chip_id), staleTime: 10_000 });
  const others =
    data?.pages.flatMap((page) => page.data).filter((other) => other.id !== inspection.id && other.site === inspection.site) ?? [];
  return (
    <section className="block" aria-labelledby="related">
      <h2 id="related">
        {t('inspection.related')} {data ? <span className="count">{others.length}</span> : null}
      </h2>
      {data && others.length === 0 ? <p className="quiet">{t('inspection.no_related')}</p> : null}
      {data ? null : <p className="quiet">{error ? <ProblemText error={error} /> : t('act.loading')}</p>}
      <ul className="related">
        {others.slice(0, 8).map((other) => (
          <li key={other.id}>
            <InspectionMark of={other} />
            <Link to="/inspections/$id" params={{ id: other.id }}>
              {t(`type.${other.inspection_type}`)} {t('inspection.attempt', { count: other.attempt })}
            </Link>
            <span className="quiet">{other.station_id}</span>
            <Age at={other.created_at} />
          </li>
        ))}
      </ul>
    </section>
  );
}
