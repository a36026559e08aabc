import { Table } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { DriftFigures, DriftState, StationDrift } from '../../../../src/contracts/monitoring.ts';
import { useModelReads } from '../../api/model-reads.ts';
import { NONE } from '../../figures/numbers.ts';
import { StateMark } from '../../parts/marks.tsx';
import { Failed, Notice, Skeleton } from '../../parts/notice.tsx';
import { useFormats } from '../../words/index.ts';
import { Alarms } from './alarms.tsx';
import { Histogram, LevelBar } from './histogram.tsx';
import type { PartProps } from './versions.tsx';

/** Each station beside its own baseline: the first that moves when a camera, a fixture or a product does. */
export function Drift({ model }: PartProps) {
  const { t } = useTranslation();
  const reads = useModelReads();
  const { data, error, isPending, refetch } = useQuery(reads.drift(model));
  return (
    <>
      <Alarms model={model} />
      {isPending ? <Skeleton rows={2} height={180} /> : null}
      {error ? <Failed error={error} retry={() => void refetch()} /> : null}
      {data?.stations.length === 0 ? (
        <Notice shape="open" title={t('drift.none')}>
          <p>{t('drift.none_means')}</p>
        </Notice>
      ) : null}
      {data?.stations.map((station) => (
        <Station key={`${station.site} ${station.station_id} ${station.version}`} station={station} />
      ))}
    </>
  );
}

function DriftMark({ state }: { state: DriftState }) {
  const { t } = useTranslation();
  const shape = state === 'alarm' ? 'waiting' : state === 'ok' ? 'pass' : 'pending';
  return <StateMark shape={shape} tone={state === 'alarm' ? 'person' : 'normal'} word={t(`drift.state_${state}`)} />;
}

function Station({ station }: { station: StationDrift }) {
  const { t } = useTranslation();
  const format = useFormats();
  const { false_calls, calls_per_board } = station;
  return (
    <article className="panel station-drift" data-station={station.station_id}>
      <header>
        <h2>
          {station.station_id} <small className="quiet">{station.site}</small>
        </h2>
        <DriftMark state={station.state} />
        <span className="quiet">
          {t('model.version_short', { version: station.version })} ·{' '}
          {station.state === 'learning'
            ? t('drift.learning_of', { boards: format.whole(station.baseline.n), size: format.whole(station.baseline_size) })
            : t('drift.boards', { count: station.boards })}
        </span>
      </header>
      <p className="quiet">
        {t('drift.calls', { baseline: format.value(calls_per_board.baseline, 3), current: format.value(calls_per_board.current, 3) })}
        {' · '}
        {false_calls.reviewed === 0
          ? t('drift.no_reviews')
          : t('drift.false_calls', { rejected: format.whole(false_calls.rejected), reviewed: format.whole(false_calls.reviewed) })}
        {false_calls.state === 'alarm' ? <DriftMark state="alarm" /> : null}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled by keyboard */}
      <section className="drift-table" tabIndex={0} aria-label={station.station_id}>
        <Table className="data compact">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">{t('drift.feature')}</Table.Th>
              <Table.Th scope="col">{t('column.state')}</Table.Th>
              {(['baseline', 'spread', 'current'] as const).map((column) => (
                <Table.Th key={column} scope="col" className="number">
                  {t(`drift.${column}`)}
                </Table.Th>
              ))}
              <Table.Th scope="col">{t('drift.psi')}</Table.Th>
              <Table.Th scope="col">{t('drift.cusum')}</Table.Th>
              <Table.Th scope="col">{t('drift.histogram')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {station.features.map((one) => (
              <Feature key={one.feature} of={one} />
            ))}
          </Table.Tbody>
        </Table>
      </section>
    </article>
  );
}

function Feature({ of }: { of: DriftFigures }) {
  const { t } = useTranslation();
  const format = useFormats();
  const name = t(`drift.feature_${of.feature}`);
  const sums = [of.cusum_up, of.cusum_down].filter((sum): sum is number => sum !== null);
  const level = (value: number | null, limit: number | null) =>
    value === null ? <span className="quiet">{NONE}</span> : <LevelBar value={value} limit={limit} />;
  return (
    <Table.Tr>
      <Table.Th scope="row">{name}</Table.Th>
      <Table.Td>
        <DriftMark state={of.state} />
      </Table.Td>
      <Table.Td className="number">{format.value(of.baseline_mean, 3)}</Table.Td>
      <Table.Td className="number">{format.value(of.baseline_sigma, 2)}</Table.Td>
      <Table.Td className="number">{format.value(of.current_mean, 3)}</Table.Td>
      <Table.Td>{level(of.psi, of.psi_limit)}</Table.Td>
      <Table.Td>{level(sums.length > 0 ? Math.max(...sums) : null, of.cusum_limit)}</Table.Td>
      <Table.Td>
        <Histogram baseline={of.baseline} current={of.current} label={t('drift.histogram_of', { feature: name })} />
      </Table.Td>
    </Table.Tr>
  );
}
