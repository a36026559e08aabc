import { Button, Table } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useMay } from '../../api/context.ts';
import { useModelReads } from '../../api/model-reads.ts';
import { Age } from '../../parts/age.tsx';
import { BOARD_CLASSES } from '../../parts/board-classes.ts';
import { Failed, Skeleton } from '../../parts/notice.tsx';
import { useFormats } from '../../words/index.ts';
import { RecipeForm } from './recipe-form.tsx';
import type { PartProps } from './versions.tsx';

/** Thresholds by product: what applies, what applied, and a new one after a look at what it would have changed. */
export function Recipes({ model, versions }: PartProps) {
  const { t } = useTranslation();
  const format = useFormats();
  const reads = useModelReads();
  const may = useMay('inference:manage');
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage } = useInfiniteQuery(reads.recipes(model));
  const rows = data?.pages.flatMap((page) => page.data) ?? [];
  const production = versions.find(({ stage }) => stage === 'production');
  return (
    <>
      {may ? <RecipeForm model={model} production={production} /> : null}
      {isPending ? <Skeleton rows={2} height={60} /> : null}
      {error ? <Failed error={error} retry={() => void refetch()} /> : null}
      {data && rows.length === 0 ? <p className="quiet">{t('recipe.none')}</p> : null}
      {rows.length > 0 ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled by keyboard
        <section className="table-wide" tabIndex={0} aria-label={t('recipe.past')}>
          <Table className="data compact">
            <caption>{t('recipe.past')}</caption>
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">{t('recipe.product')}</Table.Th>
                <Table.Th scope="col" className="number">
                  {t('recipe.number')}
                </Table.Th>
                {BOARD_CLASSES.map((name) => (
                  <Table.Th key={name} scope="col" className="number">
                    {t(`defect.${name}`)}
                  </Table.Th>
                ))}
                <Table.Th scope="col">{t('recipe.by')}</Table.Th>
                <Table.Th scope="col">{t('column.reason')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((row) => (
                <Table.Tr key={`${row.product ?? ''} ${row.version}`} className={row.in_force ? '' : 'dismissed'}>
                  <Table.Td>{row.product ?? t('recipe.every_product')}</Table.Td>
                  <Table.Td className="number">
                    {row.version} {row.in_force ? t('recipe.in_force') : ''}
                  </Table.Td>
                  {BOARD_CLASSES.map((name) => (
                    <Table.Td key={name} className="number">
                      {row.thresholds[name] === undefined ? (
                        <span className="quiet">{t('recipe.own')}</span>
                      ) : (
                        format.score(row.thresholds[name])
                      )}
                    </Table.Td>
                  ))}
                  <Table.Td>
                    {row.created_by}, <Age at={row.created_at} />
                  </Table.Td>
                  <Table.Td className="wide">{row.reason}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </section>
      ) : null}
      {hasNextPage ? <Button onClick={() => void fetchNextPage()}>{t('list.more')}</Button> : null}
    </>
  );
}
