import { Button, Table } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { ModelSummary } from '../../api/reads.ts';
import { useReads } from '../../api/use-reads.ts';
import { Link } from '../../app/link.tsx';
import { StateMark } from '../../parts/marks.tsx';
import { Failed, Notice, Skeleton } from '../../parts/notice.tsx';

export function ModelsPage() {
  const { t } = useTranslation();
  const reads = useReads();
  const { data, error, isPending, refetch } = useQuery(reads.models());
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t('page.models')}</h1>
        <Button className="no-print" onClick={() => window.print()}>
          {t('act.print')}
        </Button>
      </header>
      {isPending ? <Skeleton rows={2} height={60} /> : null}
      {error ? <Failed error={error} retry={() => void refetch()} /> : null}
      {data?.data.length === 0 ? (
        <Notice shape="open" title={t('models.empty')}>
          <p>{t('models.empty_means')}</p>
        </Notice>
      ) : null}
      {data && data.data.length > 0 ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled by keyboard
        <section className="table-wide" tabIndex={0} aria-label={t('page.models')}>
          <Table className="data">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">{t('column.model')}</Table.Th>
                <Table.Th scope="col">{t('column.state')}</Table.Th>
                <Table.Th scope="col">{t('model.in_production')}</Table.Th>
                <Table.Th scope="col">{t('model.canary')}</Table.Th>
                <Table.Th scope="col">{t('model.shadow')}</Table.Th>
                <Table.Th scope="col" className="number">
                  {t('model.versions')}
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data.data.map((model) => (
                <Row key={model.name} model={model} />
              ))}
            </Table.Tbody>
          </Table>
        </section>
      ) : null}
    </div>
  );
}

function Row({ model }: { model: ModelSummary }) {
  const { t } = useTranslation();
  const version = (number: number | null) => (number === null ? null : t('model.version_short', { version: number }));
  return (
    <Table.Tr>
      <Table.Td>
        <Link to="/models/$name" params={{ name: model.name }} className="row-link">
          {model.name}
        </Link>
      </Table.Td>
      <Table.Td>
        <ReadyMark model={model} />
      </Table.Td>
      <Table.Td>{version(model.production_version) ?? <span className="tone-person">{t('model.no_production')}</span>}</Table.Td>
      <Table.Td>{version(model.canary_version) ?? '-'}</Table.Td>
      <Table.Td>{version(model.shadow_version) ?? '-'}</Table.Td>
      <Table.Td className="number">{model.versions}</Table.Td>
    </Table.Tr>
  );
}

function ReadyMark({ model }: { model: ModelSummary }) {
  const { t } = useTranslation();
  return (
    <StateMark
      shape={model.ready ? 'pass' : 'fail'}
      tone={model.ready ? 'normal' : 'wrong'}
      word={`${t(model.ready ? 'models.ready' : 'models.not_ready')}, ${model.runtime}`}
    />
  );
}
