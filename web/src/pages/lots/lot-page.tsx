import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import type { Lot } from '../../../../src/contracts/masterdata.ts';
import { ApiProblem } from '../../api/client.ts';
import { useMe } from '../../api/context.ts';
import type { InspectionFilter } from '../../api/reads.ts';
import { useReads } from '../../api/use-reads.ts';
import { Link } from '../../app/link.tsx';
import { useParams, useSearch } from '../../app/router.ts';
import { NONE } from '../../figures/numbers.ts';
import { wilson } from '../../figures/wilson.ts';
import { Age } from '../../parts/age.tsx';
import { Export } from '../../parts/export.tsx';
import { MoreFailed } from '../../parts/more-failed.tsx';
import { Failed, Skeleton } from '../../parts/notice.tsx';
import { reasonWords } from '../../parts/reason.ts';
import { ShareBar, ShareWords } from '../../parts/share.tsx';
import { LotMark } from '../../parts/state.tsx';
import { useFormats } from '../../words/index.ts';
import { LotDecision } from './decision.tsx';
import { type LotSearch, ofLot } from './search.ts';
import { LotUnits } from './units.tsx';
import { WhichSite } from './which-site.tsx';
import './lots.css';

export function LotPage() {
  const { lotId } = useParams() as { lotId: string };
  const { site } = useSearch() as LotSearch;
  const reads = useReads();
  const { data, error, isPending, refetch } = useQuery(reads.lot(lotId, site));
  if (isPending) return <Skeleton rows={4} height={120} />;
  if (!data && error instanceof ApiProblem && error.code === 'ambiguous_lot') return <WhichSite lotId={lotId} />;
  if (!data) return <Failed error={error} retry={() => void refetch()} />;
  return <Shown lot={data} />;
}

/** Units of a lot that are drawn at most; the counts above always tell of all. */
const MOST = 500;

function Shown({ lot }: { lot: Lot }) {
  const { t } = useTranslation();
  const format = useFormats();
  const reads = useReads();
  const mine: InspectionFilter = ofLot(lot, useMe());
  const { counts } = lot;
  const share = wilson(counts.pass, counts.pass + counts.fail);
  const list = useInfiniteQuery(reads.lotUnits(lot.lot_id, lot.site));
  const rows = list.data?.pages.flatMap((page) => page.data) ?? [];
  const { hasNextPage, isFetching, isFetchNextPageError, fetchNextPage, refetch } = list;
  useEffect(() => {
    if (hasNextPage && !isFetching && !isFetchNextPageError && rows.length < MOST) void fetchNextPage();
  }, [hasNextPage, isFetching, isFetchNextPageError, rows.length, fetchNextPage]);
  const parts = [
    ['pass', counts.pass, ''],
    ['fail', counts.fail, counts.fail > 0 ? 'tone-wrong' : ''],
    ['awaiting_review', counts.awaiting_review, counts.awaiting_review > 0 ? 'tone-person' : ''],
    ['inconclusive', counts.inconclusive, counts.inconclusive > 0 ? 'tone-person' : ''],
    ['in_progress', counts.in_progress, ''],
    ['pending', counts.pending, ''],
    ['cancelled', counts.cancelled, ''],
  ] as const;
  return (
    <div className="page">
      <header className="page-head">
        <div>
          <p className="quiet">{t('page.lot')}</p>
          <h1>{lot.lot_id}</h1>
        </div>
        <LotMark state={lot.state} />
        <LotDecision lot={lot} />
        <Export path="/v1/inspections" query={{ ...mine }} name={['lot', mine.site, lot.lot_id].filter(Boolean).join('-')} />
      </header>
      {lot.reason ? (
        <p className={`lot-why${lot.state === 'held' ? ' wrong' : ''}`}>
          <strong>{t(`lots.why_${lot.state}`)}</strong> {reasonWords(t, lot.reason)}{' '}
          <span className="quiet">
            {lot.decided_by} · <Age at={lot.decided_at} />
          </span>
        </p>
      ) : null}
      <div className="lot-figures">
        <section className="panel" aria-label={t('figure.yield')}>
          <h2>{t('figure.yield')}</h2>
          <p className="huge">
            {format.percent(share.value, share.n)}
            {share.value === null ? null : <small> %</small>}
          </p>
          <ShareBar share={share} />
          <ShareWords share={share} />
        </section>
        <section className="panel" aria-label={t('lots.counts')}>
          <h2>
            {t('lots.counts')} <span className="count">{format.whole(counts.total)}</span>
          </h2>
          <dl className="counts">
            {parts.map(([name, count, look]) => (
              <div key={name}>
                <dt>{t(`state.${name}`)}</dt>
                <dd className={look}>
                  {count > 0 ? (
                    <Link
                      to="/inspections"
                      search={
                        name === 'pass' || name === 'fail' || name === 'inconclusive'
                          ? { ...mine, verdict: name }
                          : { ...mine, status: name }
                      }
                    >
                      {format.whole(count)}
                    </Link>
                  ) : (
                    '0'
                  )}
                </dd>
              </div>
            ))}
          </dl>
        </section>
        <section className="panel" aria-label={t('lots.about')}>
          <h2>{t('lots.about')}</h2>
          <dl className="facts">
            <dt>{t('column.product')}</dt>
            <dd>{lot.product ? `${lot.product} ${lot.revision ?? ''}` : t('lots.no_product')}</dd>
            <dt>{t('column.site')}</dt>
            <dd>{lot.site}</dd>
            <dt>{t('column.opened')}</dt>
            <dd>
              <Age at={lot.opened_at} />
            </dd>
            <dt>{t('lots.decided')}</dt>
            <dd>{lot.decided_at ? <Age at={lot.decided_at} /> : NONE}</dd>
          </dl>
        </section>
      </div>
      {list.isPending ? <Skeleton rows={1} height={120} /> : null}
      {list.isError && rows.length === 0 ? <Failed error={list.error} retry={() => void refetch()} /> : null}
      {list.data ? <LotUnits rows={rows} total={counts.total} /> : null}
      {isFetchNextPageError ? <MoreFailed error={list.error} retry={() => void fetchNextPage()} /> : null}
    </div>
  );
}
