import { Table } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Measurement } from '../../../../src/contracts/measurements.ts';
import { LimitBar, strainOf } from '../../parts/limit-bar.tsx';
import { Mark } from '../../parts/marks.tsx';
import { useFormats } from '../../words/index.ts';

/** Measured values against their limits, the most strained first. */
export function Measurements({ measurements }: { measurements: readonly Measurement[] }) {
  const { t } = useTranslation();
  const format = useFormats();
  const sorted = [...measurements].sort((a, b) => (strainOf(b) ?? -1) - (strainOf(a) ?? -1));
  const from = measurements.find((one) => one.limits_from)?.limits_from;
  return (
    <section className="block" aria-labelledby="measurements">
      <h2 id="measurements">
        {t('inspection.measurements')} <span className="count">{measurements.length}</span>
        {from ? <small className="quiet"> {t(`measure.from_${from}`)}</small> : null}
      </h2>
      {measurements.length === 0 ? (
        <p className="quiet">{t('measure.none')}</p>
      ) : (
        <Table className="data compact">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">{t('column.characteristic')}</Table.Th>
              <Table.Th scope="col" className="number">
                {t('column.value')}
              </Table.Th>
              <Table.Th scope="col">{t('column.unit')}</Table.Th>
              <Table.Th scope="col" className="number">
                LSL
              </Table.Th>
              <Table.Th scope="col" className="bar-column">
                <span className="sr">{t('column.place')}</span>
              </Table.Th>
              <Table.Th scope="col" className="number">
                USL
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {sorted.map((one) => (
              <Table.Tr key={one.id}>
                <Table.Td>
                  {one.in_limits === false ? (
                    <span className="tone-wrong" title={t('measure.outside')}>
                      <Mark shape="fail" />
                    </span>
                  ) : null}{' '}
                  {one.characteristic}
                </Table.Td>
                <Table.Td className={`number${one.in_limits === false ? ' tone-wrong strong' : ''}`}>{format.value(one.value)}</Table.Td>
                <Table.Td className="quiet">{one.unit}</Table.Td>
                <Table.Td className="number">{format.value(one.lsl)}</Table.Td>
                <Table.Td className="bar-column">
                  <LimitBar of={one} />
                </Table.Td>
                <Table.Td className="number">{format.value(one.usl)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </section>
  );
}
