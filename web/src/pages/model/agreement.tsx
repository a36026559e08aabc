import { Table } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { KappaFigures, ReviewerPair } from '../../../../src/contracts/monitoring.ts';
import { useModelReads } from '../../api/model-reads.ts';
import { NONE } from '../../figures/numbers.ts';
import { Failed } from '../../parts/notice.tsx';
import { useFormats } from '../../words/index.ts';

/** How far those agree who answer the same audit: a rate that people give is as good as they are. */
export function Agreement({ model, from }: { model: string; from: string | undefined }) {
  const { t } = useTranslation();
  const format = useFormats();
  const reads = useModelReads();
  const { data, error, refetch } = useQuery(reads.agreement(model, from));
  if (!data && error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return null;
  const { drawn, waiting, total, pairs } = data;
  return (
    <section className="panel reviewers" aria-labelledby="reviewers">
      <h2 id="reviewers">{t('agreement.title')}</h2>
      <p className="quiet">
        {t('agreement.drawn', { drawn: format.whole(drawn), second: format.whole(waiting.second), third: format.whole(waiting.third) })}
      </p>
      {total.n === 0 ? (
        <p className="quiet">{t('agreement.none')}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled by keyboard
        <section className="drift-table" tabIndex={0} aria-label={t('agreement.title')}>
          <Table className="data compact">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">{t('agreement.reviewers')}</Table.Th>
                {(['n', 'agreeing', 'kappa', 'interval', 'decided'] as const).map((name) => (
                  <Table.Th key={name} scope="col" className="number">
                    {t(`agreement.${name}`)}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              <Row name={t('agreement.all')} figures={total} />
              {pairs.map((pair) => (
                <Row key={pair.reviewers.join(' ')} name={pair.reviewers.join(', ')} figures={pair.figures} pair={pair} />
              ))}
            </Table.Tbody>
          </Table>
        </section>
      )}
      <p className="quiet">{t('agreement.means')}</p>
    </section>
  );
}

function Row({ name, figures, pair }: { name: string; figures: KappaFigures; pair?: ReviewerPair }) {
  const { t } = useTranslation();
  const format = useFormats();
  const { n, agreeing, kappa, low, high } = figures;
  return (
    <Table.Tr data-reviewers={name}>
      <Table.Th scope="row">{name}</Table.Th>
      <Table.Td className="number">{format.whole(n)}</Table.Td>
      <Table.Td className="number">{format.whole(agreeing)}</Table.Td>
      <Table.Td className="number">{kappa === null ? NONE : format.value(kappa, 2)}</Table.Td>
      <Table.Td className="number">
        {low === null || high === null ? NONE : t('agreement.from_to', { low: format.value(low, 2), high: format.value(high, 2) })}
      </Table.Td>
      <Table.Td className="number">
        {pair === undefined || pair.decided === 0
          ? NONE
          : t('agreement.upheld', {
              decided: format.whole(pair.decided),
              upheld: pair.upheld.map((count) => format.whole(count)).join(' / '),
            })}
      </Table.Td>
    </Table.Tr>
  );
}
