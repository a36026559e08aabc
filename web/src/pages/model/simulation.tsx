import { Table } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Simulation as SimulationShape } from '../../../../src/contracts/models.ts';
import { useClassName } from '../../parts/call-words.ts';
import { useFormats } from '../../words/index.ts';

/** What thresholds would have done to boards that were judged. Of what people have not reviewed nothing is claimed. */
export function Simulation({ of }: { of: SimulationShape }) {
  const { t } = useTranslation();
  const className = useClassName();
  const format = useFormats();
  const signed = (value: number) => (value > 0 ? `+${format.whole(value)}` : format.whole(value));
  const { false_calls, confirmed } = of.reviews;
  if (of.judged === 0) return <p className="tone-person">{t('recipe.judged_none')}</p>;
  const table = (title: string, rows: { name: string; before: number; after: number }[]) => (
    <Table className="data compact">
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">{title}</Table.Th>
          {(['before', 'after', 'change'] as const).map((column) => (
            <Table.Th key={column} scope="col" className="number">
              {t(`recipe.${column}`)}
            </Table.Th>
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.name}>
            <Table.Th scope="row">{row.name}</Table.Th>
            <Table.Td className="number">{format.whole(row.before)}</Table.Td>
            <Table.Td className="number">{format.whole(row.after)}</Table.Td>
            <Table.Td className="number strong">{signed(row.after - row.before)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
  return (
    <div className="simulation">
      <p className="strong">
        {t('recipe.judged', { count: of.judged, oldest: format.moment(of.oldest), newest: format.moment(of.newest) })}
      </p>
      {of.cut ? <p className="tone-person">{t(`recipe.cut_${of.cut}`)}</p> : null}
      <div className="comparison-tables">
        {table(
          t('recipe.outcome'),
          (['pass', 'fail', 'review'] as const).map((name) => ({
            name: t(`recipe.outcome_${name}`),
            before: of.before[name],
            after: of.after[name],
          })),
        )}
        {table(
          t('recipe.calls'),
          of.calls.map((row) => ({
            name: className(row.class),
            before: row.before,
            after: row.after,
          })),
        )}
      </div>
      {of.changes.length === 0 ? <p>{t('recipe.no_moves')}</p> : null}
      <ul>
        {of.changes.map(({ from, to, boards }) => (
          <li key={`${from} ${to}`}>
            {t('recipe.moves', { boards: format.whole(boards), from: t(`recipe.outcome_${from}`), to: t(`recipe.outcome_${to}`) })}
          </li>
        ))}
      </ul>
      {false_calls.reviewed + confirmed.reviewed === 0 ? <p className="tone-person">{t('recipe.no_reviews')}</p> : null}
      {false_calls.reviewed > 0 ? (
        <p>{t('recipe.avoided', { reviewed: format.whole(false_calls.reviewed), avoided: format.whole(false_calls.avoided) })}</p>
      ) : null}
      {confirmed.reviewed > 0 ? (
        <p className={confirmed.escapes > 0 ? 'tone-person' : ''}>
          {t('recipe.escapes', {
            reviewed: format.whole(confirmed.reviewed),
            gone: format.whole(confirmed.no_longer_called),
            escapes: format.whole(confirmed.escapes),
          })}
        </p>
      ) : null}
    </div>
  );
}
