import { Button, SegmentedControl, Table } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { Lot } from '../../../../src/contracts/masterdata.ts';
import { useMe } from '../../api/context.ts';
import { useReads } from '../../api/use-reads.ts';
import { useKeys } from '../../app/keys.ts';
import { Link } from '../../app/link.tsx';
import { useNavigate, useSearch } from '../../app/router.ts';
import { NONE } from '../../figures/numbers.ts';
import { wilson } from '../../figures/wilson.ts';
import { Age } from '../../parts/age.tsx';
import { Export } from '../../parts/export.tsx';
import { MoreFailed } from '../../parts/more-failed.tsx';
import { Failed, Notice, Skeleton } from '../../parts/notice.tsx';
import { reasonWords } from '../../parts/reason.ts';
import { ShareBar, ShareWords } from '../../parts/share.tsx';
import { LotMark } from '../../parts/state.tsx';
import { useFormats } from '../../words/index.ts';
import { type LotsSearch, placeOfLot } from './search.ts';
import './lots.css';

const STATES = ['open', 'held', 'released'] as const;

export function LotsPage() {
  const { t } = useTranslation();
  const reads = useReads();
  const me = useMe();
  const navigate = useNavigate();
  const { state, at: place } = useSearch() as LotsSearch;
  const list = useInfiniteQuery(reads.lots(state ? { state } : {}));
  const lots = list.data?.pages.flatMap((page) => page.data) ?? [];
  const at = lots.findIndex((lot) => placeOfLot(lot) === place);
  const select = (index: number) => {
    const lot = lots[Math.min(lots.length - 1, Math.max(0, index))];
    if (lot) navigate({ to: '/lots', search: (now) => ({ ...now, at: placeOfLot(lot) }), replace: true });
  };
  const filter = (next: LotsSearch['state']) => navigate({ to: '/lots', search: next ? { state: next } : {} });
  useKeys(t('page.lots'), [
    { key: 'j', word: t('key.next'), run: () => select(at + 1) },
    { key: 'k', word: t('key.previous'), run: () => select(at - 1) },
    {
      key: 'Enter',
      word: t('key.open'),
      run: () => {
        const lot = lots[at];
        if (lot) navigate({ to: '/lots/$lotId', params: { lotId: lot.lot_id }, search: { site: lot.site } });
      },
    },
  ]);
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t('page.lots')}</h1>
        <SegmentedControl
          className="no-print"
          aria-label={t('filter.status')}
          value={state ?? 'all'}
          onChange={(value) => filter(value === 'all' ? undefined : (value as LotsSearch['state']))}
          data={[{ value: 'all', label: t('lots.all') }, ...STATES.map((name) => ({ value: name, label: t(`lot_state.${name}`) }))]}
        />
        <Export path="/v1/lots" query={{ state }} name="lots" />
      </header>
      {list.isPending ? <Skeleton rows={10} height={44} /> : null}
      {list.isError && lots.length === 0 ? <Failed error={list.error} retry={() => void list.refetch()} /> : null}
      {list.isSuccess && lots.length === 0 ? (
        <Notice shape="open" title={t(state ? `lots.none_${state}` : 'lots.empty')}>
          {state ? <Button onClick={() => filter(undefined)}>{t('filter.clear')}</Button> : <p>{t('lots.empty_means')}</p>}
        </Notice>
      ) : null}
      {lots.length > 0 ? (
        <section className="table-wide" aria-label={t('page.lots')}>
          <Table className="data lots-table">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">{t('column.lot')}</Table.Th>
                <Table.Th scope="col">{t('column.state')}</Table.Th>
                <Table.Th scope="col">{t('column.product')}</Table.Th>
                <Table.Th scope="col" className="number">
                  {t('column.yield')}
                </Table.Th>
                <Table.Th scope="col">{t('column.interval')}</Table.Th>
                <Table.Th scope="col" className="number">
                  {t('column.pass')}
                </Table.Th>
                <Table.Th scope="col" className="number">
                  {t('column.fail')}
                </Table.Th>
                <Table.Th scope="col" className="number">
                  {t('column.waiting')}
                </Table.Th>
                <Table.Th scope="col">{t('column.opened')}</Table.Th>
                <Table.Th scope="col">{t('column.reason')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {lots.map((lot, index) => (
                <LotRow key={`${lot.site} ${lot.lot_id}`} lot={lot} selected={index === at} showSite={me.site === '*'} />
              ))}
            </Table.Tbody>
          </Table>
        </section>
      ) : null}
      {list.isFetchNextPageError ? (
        <MoreFailed error={list.error} retry={() => void list.fetchNextPage()} />
      ) : list.hasNextPage ? (
        <Button onClick={() => void list.fetchNextPage()}>{t('list.more')}</Button>
      ) : null}
    </div>
  );
}

function LotRow({ lot, selected, showSite }: { lot: Lot; selected: boolean; showSite: boolean }) {
  const { t } = useTranslation();
  const format = useFormats();
  const { counts } = lot;
  const share = wilson(counts.pass, counts.pass + counts.fail);
  return (
    <Table.Tr className={selected ? 'selected' : undefined} aria-selected={selected}>
      <Table.Td>
        <Link to="/lots/$lotId" params={{ lotId: lot.lot_id }} search={{ site: lot.site }} className="row-link">
          {lot.lot_id}
        </Link>
        {showSite ? <small className="quiet"> {lot.site}</small> : null}
      </Table.Td>
      <Table.Td>
        <LotMark state={lot.state} />
      </Table.Td>
      <Table.Td>{lot.product ? `${lot.product} ${lot.revision ?? ''}` : NONE}</Table.Td>
      <Table.Td className="number strong">{share.value === null ? NONE : `${format.percent(share.value, share.n)} %`}</Table.Td>
      <Table.Td className="interval">
        <ShareBar share={share} />
        <ShareWords share={share} />
      </Table.Td>
      <Table.Td className="number">{format.whole(counts.pass)}</Table.Td>
      <Table.Td className={`number${counts.fail > 0 ? ' tone-wrong' : ''}`}>{format.whole(counts.fail)}</Table.Td>
      <Table.Td className={`number${counts.awaiting_review > 0 ? ' tone-person' : ''}`}>{format.whole(counts.awaiting_review)}</Table.Td>
      <Table.Td>
        <Age at={lot.opened_at} />
      </Table.Td>
      <Table.Td className="wide">{reasonWords(t, lot.reason) ?? NONE}</Table.Td>
    </Table.Tr>
  );
}
