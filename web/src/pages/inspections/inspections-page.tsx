import { Button, Kbd } from '@mantine/core';
import { type InfiniteData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { InspectionFacts } from '../../../../src/contracts/event-payloads.ts';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import { useEvents } from '../../api/live.ts';
import type { InspectionFilter } from '../../api/reads.ts';
import { useReads } from '../../api/use-reads.ts';
import { useKeys } from '../../app/keys.ts';
import { useNavigate, useSearch } from '../../app/router.ts';
import { Export } from '../../parts/export.tsx';
import { Failed, Notice, Skeleton } from '../../parts/notice.tsx';
import { useCalm } from '../../parts/use-calm.ts';
import { FilterBar } from './filter-bar.tsx';
import { filterOf, type InspectionsSearch, matches } from './search.ts';
import { InspectionTable } from './table.tsx';

const isOlder = (row: Pick<Inspection, 'id' | 'version'>, id: string, version: number) => row.id === id && row.version < version;

function withState<P extends { data: Inspection[] }>(
  list: InfiniteData<P, unknown>,
  { inspection_id, status, verdict, reason }: Pick<InspectionFacts, 'inspection_id' | 'status' | 'verdict' | 'reason'>,
  version: number,
): InfiniteData<P, unknown> {
  const pages = list.pages.map((page) => ({
    ...page,
    data: page.data.map((row) => (isOlder(row, inspection_id, version) ? { ...row, status, verdict, reason, version } : row)),
  }));
  return { ...list, pages };
}

/** How often at most a screen reader hears of what is new, ms. */
const SAY_MS = 10_000;

export function InspectionsPage() {
  const { t } = useTranslation();
  const reads = useReads();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const search = useSearch() as InspectionsSearch;
  const filter = filterOf(search);
  const asked = reads.inspections(filter, 'defects,inference');
  const list = useInfiniteQuery({ ...asked, staleTime: Infinity, refetchOnWindowFocus: false });
  const rows = list.data?.pages.flatMap((page) => page.data) ?? [];
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  const address = JSON.stringify(filter);

  // biome-ignore lint/correctness/useExhaustiveDependencies: other filters are another list: nothing is new in it yet
  useEffect(() => setFresh(new Set()), [address]);
  useEvents(({ event_type, aggregate, site, payload }) => {
    // A row that is shown tells its state as it is now, where it stands: nothing moves under the reader.
    if (
      'status' in payload &&
      aggregate.type === 'inspection' &&
      rows.some((row) => isOlder(row, payload.inspection_id, aggregate.version))
    )
      queries.setQueryData(asked.queryKey, (known) => known && withState(known, payload, aggregate.version));
    const wanted = filter.verdict || filter.status ? 'status' in payload : event_type === 'inspection.created';
    if (!wanted || !('status' in payload) || !matches(filter, { ...payload, site })) return;
    const id = payload.inspection_id;
    if (rows.some((row) => row.id === id)) return;
    // Two may come before the page is drawn again.
    setFresh((before) => (before.has(id) ? before : new Set(before).add(id)));
  });

  const go = (next: InspectionsSearch, replace = false) => navigate({ to: '/inspections', search: next, replace });
  const setFilter = (next: InspectionFilter, replace?: boolean) => go(next, replace);
  const at = rows.findIndex((row) => row.id === search.at);
  const select = (index: number) => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, index))];
    if (row) go({ ...filter, at: row.id }, true);
    if (index >= rows.length - 5 && list.hasNextPage && !list.isFetchingNextPage && !list.isFetchNextPageError) void list.fetchNextPage();
  };
  const showNew = () => {
    setFresh(new Set());
    document.querySelector('.table-scroll')?.scrollTo({ top: 0 });
    void queries.resetQueries({ queryKey: ['inspections', filter] });
  };
  useKeys(t('page.inspections'), [
    { key: 'j', word: t('key.next'), run: () => select(at + 1) },
    { key: 'k', word: t('key.previous'), run: () => select(at < 0 ? 0 : at - 1) },
    { key: 'Enter', word: t('key.open'), run: () => search.at && navigate({ to: '/inspections/$id', params: { id: search.at } }) },
    { key: 'n', word: t('key.show_new'), run: showNew },
  ]);

  const shown = list.isSuccess ? t(list.hasNextPage ? 'list.rows_more' : 'list.rows', { count: rows.length }) : '';
  const state = fresh.size > 0 ? t('list.new', { count: fresh.size }) : shown;
  const said = useCalm(state, SAY_MS);

  return (
    <div className="page list-page">
      <header className="page-head">
        <h1>{t('page.inspections')}</h1>
        <Export path="/v1/inspections" query={{ ...filter }} name="inspections" />
      </header>
      <FilterBar filter={filter} onFilter={setFilter} />
      <div className="new-bar-room no-print">
        {fresh.size > 0 ? (
          <Button fullWidth color="blue" variant="light" className="new-bar" onClick={showNew}>
            {state} <Kbd>N</Kbd>
          </Button>
        ) : (
          <span className="quiet">{state}</span>
        )}
      </div>
      <p className="sr" aria-live="polite">
        {said}
      </p>
      {list.isPending ? <Skeleton rows={14} /> : null}
      {list.isError && rows.length === 0 ? <Failed error={list.error} retry={() => void list.refetch()} /> : null}
      {list.isSuccess && rows.length === 0 ? (
        <Notice shape="open" title={t('list.empty')}>
          <p>{t(Object.keys(filter).length > 0 ? 'list.empty_filtered' : 'list.empty_means')}</p>
          {Object.keys(filter).length > 0 ? <Button onClick={() => setFilter({})}>{t('filter.clear')}</Button> : null}
        </Notice>
      ) : null}
      {rows.length > 0 ? (
        <InspectionTable
          rows={rows}
          at={search.at ?? null}
          place={address}
          more={list.hasNextPage}
          fetching={list.isFetchingNextPage}
          failed={list.isFetchNextPageError ? list.error : null}
          onEnd={() => void list.fetchNextPage()}
        />
      ) : null}
    </div>
  );
}
