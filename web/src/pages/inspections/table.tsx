import { Table } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useLayoutEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import { Link } from '../../app/link.tsx';
import { NONE } from '../../figures/numbers.ts';
import { Age } from '../../parts/age.tsx';
import { worstDefect } from '../../parts/defect-words.ts';
import { MoreFailed } from '../../parts/more-failed.tsx';
import { InspectionMark } from '../../parts/state.tsx';
import { Tail } from '../../parts/tail.tsx';
import { usePrinting } from '../../parts/use-printing.ts';
import { useFormats } from '../../words/index.ts';

const ROW = 36;
/** Where each list was scrolled to, by its filters: coming back finds the same rows. */
const places = new Map<string, number>();

interface Shown {
  rows: readonly Inspection[];
  at: string | null;
  place: string;
  more: boolean;
  fetching: boolean;
  /** Why the next page did not come; null while nothing failed. */
  failed: unknown;
  onEnd(): void;
}

export function InspectionTable({ rows, at, place, more, fetching, failed, onEnd }: Shown) {
  const { t } = useTranslation();
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW,
    overscan: 12,
    initialOffset: places.get(place) ?? 0,
    initialRect: { width: 1200, height: 800 },
  });
  const printing = usePrinting();
  const seen = virtual.getVirtualItems();
  const items = printing ? rows.map((_, index) => ({ index, start: 0, end: 0 })) : seen;
  const last = seen.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && !fetching && !failed && last >= rows.length - 15) onEnd();
  }, [more, fetching, failed, last, rows.length, onEnd]);
  useLayoutEffect(() => {
    const element = scroll.current;
    if (element) element.scrollTop = places.get(place) ?? 0;
  }, [place]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new selection scrolls, not rows that arrive
  useEffect(() => {
    const index = rows.findIndex((row) => row.id === at);
    if (index >= 0) virtual.scrollToIndex(index, { align: 'auto' });
  }, [at]);

  const above = items[0]?.start ?? 0;
  const below = printing ? 0 : virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <section
      ref={scroll}
      className="table-scroll"
      aria-label={t('page.inspections')}
      onScroll={(event) => places.set(place, event.currentTarget.scrollTop)}
    >
      <Table className="data inspections-table" aria-rowcount={more ? -1 : rows.length + 1}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">{t('column.time')}</Table.Th>
            <Table.Th scope="col">{t('column.state')}</Table.Th>
            <Table.Th scope="col">{t('column.chip')}</Table.Th>
            <Table.Th scope="col">{t('column.lot')}</Table.Th>
            <Table.Th scope="col">{t('column.type')}</Table.Th>
            <Table.Th scope="col">{t('column.station')}</Table.Th>
            <Table.Th scope="col">{t('column.worst')}</Table.Th>
            <Table.Th scope="col" className="number">
              {t('column.score')}
            </Table.Th>
            <Table.Th scope="col">{t('column.model')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {above > 0 ? <Table.Tr aria-hidden="true" style={{ height: above }} /> : null}
          {items.map(({ index }) => {
            const row = rows[index];
            return row ? <Row key={row.id} row={row} index={index} selected={row.id === at} /> : null;
          })}
          {below > 0 ? <Table.Tr aria-hidden="true" style={{ height: below }} /> : null}
        </Table.Tbody>
      </Table>
      {fetching ? <p className="table-more quiet">{t('act.loading')}</p> : null}
      {failed && !fetching ? <MoreFailed error={failed} retry={onEnd} /> : null}
    </section>
  );
}

/** Plain cells: hundreds of them are drawn while a list is scrolled. */
const Row = memo(function Row({ row, index, selected }: { row: Inspection; index: number; selected: boolean }) {
  const { t } = useTranslation();
  const format = useFormats();
  const worst = worstDefect(row.defects ?? []);
  const run = row.inference?.at(-1);
  return (
    <tr aria-rowindex={index + 2} className={selected ? 'selected' : undefined} aria-selected={selected}>
      <td className="number-left">
        <Age at={row.created_at} />
      </td>
      <td>
        <InspectionMark of={row} />
      </td>
      <td className="unit-cell">
        <Link to="/inspections/$id" params={{ id: row.id }} className="row-link">
          <Tail>{row.chip_id}</Tail>
        </Link>
        {row.attempt > 1 ? <small className="quiet"> #{row.attempt}</small> : null}
      </td>
      <td>
        <Link to="/lots/$lotId" params={{ lotId: row.lot_id }} search={{ site: row.site }}>
          {row.lot_id}
        </Link>
      </td>
      <td>{t(`type.${row.inspection_type}`)}</td>
      <td>{row.station_id ?? NONE}</td>
      <td>
        {worst ? `${worst.class === 'out_of_limits' ? (worst.characteristic ?? '') : ''} ${t(`defect.${worst.class}`)}`.trim() : NONE}
      </td>
      <td className="number">{format.score(worst?.score)}</td>
      <td className="quiet">{run ? `${run.model} ${run.version}` : NONE}</td>
    </tr>
  );
});
