import { Button, Table } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../../api/client.ts';
import { useReads } from '../../api/use-reads.ts';
import { Link } from '../../app/link.tsx';
import { useParams } from '../../app/router.ts';
import { NONE } from '../../figures/numbers.ts';
import { Age } from '../../parts/age.tsx';
import { Export } from '../../parts/export.tsx';
import { MoreFailed } from '../../parts/more-failed.tsx';
import { Failed, Notice, Skeleton } from '../../parts/notice.tsx';
import { reasonWords } from '../../parts/reason.ts';
import { InspectionMark } from '../../parts/state.tsx';

/** A unit's whole history: over lots, attempts and stations, newest first. */
export function UnitPage() {
  const { t } = useTranslation();
  const { chipId } = useParams() as { chipId: string };
  const reads = useReads();
  const history = useInfiniteQuery(reads.unit(chipId));
  const rows = history.data?.pages.flatMap((page) => page.data) ?? [];
  const unknown = history.error instanceof ApiProblem && history.error.status === 404;
  const stations = new Set(rows.map((row) => row.station_id).filter(Boolean)).size;
  return (
    <div className="page">
      <header className="page-head">
        <div>
          <p className="quiet">{t('page.unit')}</p>
          <h1 className="chip-name">{chipId}</h1>
        </div>
        {rows[0] ? <InspectionMark of={rows[0]} /> : null}
        <Export path="/v1/inspections" query={{ chip_id: chipId }} name={`unit-${chipId}`} />
      </header>
      {history.isPending ? <Skeleton rows={5} /> : null}
      {unknown ? (
        <Notice shape="open" title={t('unit.empty')}>
          <p>{t('unit.empty_means')}</p>
        </Notice>
      ) : history.isError && rows.length === 0 ? (
        <Failed error={history.error} retry={() => void history.refetch()} />
      ) : null}
      {rows.length > 0 ? (
        <>
          <p>{t('unit.summary', { count: rows.length, lots: new Set(rows.map((row) => row.lot_id)).size, stations })}</p>
          <section className="table-wide" aria-label={t('page.unit')}>
            <Table className="data">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th scope="col">{t('column.time')}</Table.Th>
                  <Table.Th scope="col">{t('column.state')}</Table.Th>
                  <Table.Th scope="col">{t('column.type')}</Table.Th>
                  <Table.Th scope="col" className="number">
                    {t('column.attempt')}
                  </Table.Th>
                  <Table.Th scope="col">{t('column.lot')}</Table.Th>
                  <Table.Th scope="col">{t('column.station')}</Table.Th>
                  <Table.Th scope="col">{t('column.reason')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((row) => (
                  <Table.Tr key={row.id}>
                    <Table.Td>
                      <Link to="/inspections/$id" params={{ id: row.id }} className="row-link">
                        <Age at={row.created_at} />
                      </Link>
                    </Table.Td>
                    <Table.Td>
                      <InspectionMark of={row} />
                    </Table.Td>
                    <Table.Td>{t(`type.${row.inspection_type}`)}</Table.Td>
                    <Table.Td className="number">{row.attempt}</Table.Td>
                    <Table.Td>
                      <Link to="/lots/$lotId" params={{ lotId: row.lot_id }} search={{ site: row.site }}>
                        {row.lot_id}
                      </Link>
                    </Table.Td>
                    <Table.Td>{row.station_id ?? NONE}</Table.Td>
                    <Table.Td className="wide">{reasonWords(t, row.reason) ?? NONE}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </section>
          {history.isFetchNextPageError ? (
            <MoreFailed error={history.error} retry={() => void history.fetchNextPage()} />
          ) : history.hasNextPage ? (
            <Button onClick={() => void history.fetchNextPage()}>{t('list.more')}</Button>
          ) : null}
        </>
      ) : null}
    </div>
  );
}
