import { Button, Table } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { ModelVersion } from '../../../../src/contracts/inference.ts';
import type { ModelSummary } from '../../api/reads.ts';
import { useReads } from '../../api/use-reads.ts';
import { NONE } from '../../figures/numbers.ts';
import { Age } from '../../parts/age.tsx';
import { BOARD_CLASSES } from '../../parts/board-classes.ts';
import { StateMark } from '../../parts/marks.tsx';
import { Failed, Notice, Skeleton } from '../../parts/notice.tsx';
import { useFormats } from '../../words/index.ts';
import { Metrics } from './metrics.tsx';
import './models.css';

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
      {isPending ? <Skeleton rows={2} height={220} /> : null}
      {error ? <Failed error={error} retry={() => void refetch()} /> : null}
      {data?.data.length === 0 ? (
        <Notice shape="open" title={t('models.empty')}>
          <p>{t('models.empty_means')}</p>
        </Notice>
      ) : null}
      {data?.data.map((model) => (
        <Model key={model.name} model={model} />
      ))}
    </div>
  );
}

function Model({ model }: { model: ModelSummary }) {
  const { t } = useTranslation();
  const reads = useReads();
  const { data, error, refetch } = useQuery(reads.versions(model.name));
  const versions = [...(data?.data ?? [])].sort((a, b) => b.version - a.version);
  return (
    <section className="model" aria-labelledby={`model-${model.name}`}>
      <header>
        <h2 id={`model-${model.name}`}>{model.name}</h2>
        <StateMark
          shape={model.ready ? 'pass' : 'fail'}
          tone={model.ready ? 'normal' : 'wrong'}
          word={t(model.ready ? 'models.ready' : 'models.not_ready')}
        />
        <span className="quiet">{t('models.runs_on', { runtime: model.runtime, count: model.versions })}</span>
      </header>
      {model.production_version === null ? <p className="tone-person">{t('models.none_in_production')}</p> : null}
      {error ? <Failed error={error} retry={() => void refetch()} /> : null}
      {versions.map((version) => (
        <Version key={version.version} version={version} />
      ))}
    </section>
  );
}

function Version({ version }: { version: ModelVersion }) {
  const { t } = useTranslation();
  const format = useFormats();
  return (
    <article className="panel model-version">
      <header>
        <h3>{t('models.version', { version: version.version })}</h3>
        <StateMark
          shape={version.stage === 'production' ? 'released' : version.stage === 'retired' ? 'cancelled' : 'pending'}
          tone="normal"
          word={t(`stage.${version.stage}`)}
        />
        <span className="quiet">
          {t('models.registered')} <Age at={version.registered_at} />
        </span>
      </header>
      <p className="mono hash" title={t('provenance.hash')}>
        sha256 {version.sha256}
      </p>
      <div className="model-columns">
        <div>
          <h4>{t('models.thresholds')}</h4>
          <Table className="data compact">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">{t('column.class')}</Table.Th>
                <Table.Th scope="col" className="number">
                  {t('models.threshold')}
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {BOARD_CLASSES.filter((name) => version.classes.includes(name)).map((name) => (
                <Table.Tr key={name}>
                  <Table.Td>{t(`defect.${name}`)}</Table.Td>
                  <Table.Td className="number">
                    {version.thresholds[name] === undefined ? NONE : format.score(version.thresholds[name])}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          <p className="quiet">
            {t('models.calibration', { a: format.value(version.calibration.a, 4), b: format.value(version.calibration.b, 4) })}
          </p>
        </div>
        <Metrics metrics={version.metrics} />
      </div>
    </article>
  );
}
