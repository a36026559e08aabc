import { Table } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { NONE } from '../../figures/numbers.ts';
import { wilson } from '../../figures/wilson.ts';
import { ShareBar, ShareWords } from '../../parts/share.tsx';
import { useFormats } from '../../words/index.ts';
import { byClass, dataSets, summaries } from './measured.ts';

/** What was measured, on what, as the model's manifest says: in all, and for each class with its interval. */
export function Metrics({ metrics }: { metrics: Record<string, unknown> }) {
  const { t, i18n } = useTranslation();
  const format = useFormats();
  const classes = byClass(metrics);
  const tables = summaries(metrics);
  const sets = dataSets(metrics);
  const name = (raw: string) => {
    const key = `metric.${raw.toLowerCase()}`;
    return i18n.exists(key) ? t(key as 'metric.ap') : raw.replaceAll('_', ' ');
  };
  if (classes.length === 0 && tables.length === 0) {
    return (
      <div className="metrics">
        <h3>{t('models.measured')}</h3>
        <p className="tone-person">{t('models.not_measured')}</p>
      </div>
    );
  }
  return (
    <>
      <div className="metrics">
        <h3>{t('models.measured')}</h3>
        {tables.map((table) => (
          <Table key={table.name} className="data compact">
            <Table.Tbody>
              {table.rows.map(([key, value]) => (
                <Table.Tr key={key}>
                  <Table.Th scope="row">{name(key)}</Table.Th>
                  <Table.Td className="number">{typeof value === 'number' ? format.value(value, 4) : String(value ?? NONE)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        ))}
        {sets.length > 0 ? (
          <p className="quiet">
            {t('models.measured_on', {
              count: sets.reduce((sum, set) => sum + set.pairs, 0),
              names: sets.map((set) => set.folder).join(', '),
            })}
          </p>
        ) : null}
      </div>
      {classes.length > 0 ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled by keyboard
        <section className="metrics metrics-by-class" tabIndex={0} aria-label={t('models.by_class')}>
          <h3>{t('models.by_class')}</h3>
          <Table className="data compact">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">{t('column.class')}</Table.Th>
                <Table.Th scope="col" className="number">
                  {t('metric.recall')}, %
                </Table.Th>
                <Table.Th scope="col">{t('column.interval')}</Table.Th>
                <Table.Th scope="col" className="number">
                  {t('metric.ap')}
                </Table.Th>
                <Table.Th scope="col" className="number">
                  {t('metric.escapes')}
                </Table.Th>
                <Table.Th scope="col" className="number">
                  {t('metric.false_calls')}
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {classes.map((one) => {
                const share = wilson(Math.round((one.recall ?? 0) * one.labels), one.labels);
                return (
                  <Table.Tr key={one.name}>
                    <Table.Td>{t(`defect.${one.name}`)}</Table.Td>
                    <Table.Td className="number strong">{one.recall === null ? NONE : format.percent(one.recall)}</Table.Td>
                    <Table.Td className="interval">
                      {one.recall === null ? null : (
                        <>
                          <ShareBar share={share} from={0.8} /> <ShareWords share={share} />
                        </>
                      )}
                    </Table.Td>
                    <Table.Td className="number">{format.value(one.ap, 4)}</Table.Td>
                    <Table.Td className="number">{format.whole(one.escapes)}</Table.Td>
                    <Table.Td className="number">{format.whole(one.falseCalls)}</Table.Td>
                  </Table.Tr>
                );
              })}
            </Table.Tbody>
          </Table>
          <p className="quiet">{t('models.bar_from')}</p>
        </section>
      ) : null}
    </>
  );
}
