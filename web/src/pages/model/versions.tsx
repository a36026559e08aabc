import { Table } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { ModelVersion } from '../../../../src/contracts/inference.ts';
import { NONE } from '../../figures/numbers.ts';
import { Age, Since } from '../../parts/age.tsx';
import { BOARD_CLASSES } from '../../parts/board-classes.ts';
import { StateMark } from '../../parts/marks.tsx';
import { useFormats } from '../../words/index.ts';
import { Details } from './details.tsx';
import { Metrics } from './metrics.tsx';
import { StageChange } from './stage-change.tsx';

/** What every part of a model's page is given. */
export interface PartProps {
  model: string;
  /** Newest first. */
  versions: readonly ModelVersion[];
}

export function Versions({ versions }: PartProps) {
  return (
    <>
      {versions.map((version) => (
        <Version key={version.version} version={version} />
      ))}
    </>
  );
}

function Version({ version }: { version: ModelVersion }) {
  const { t } = useTranslation();
  const format = useFormats();
  return (
    <article className="panel model-version">
      <header>
        <h2>{t('models.version', { version: version.version })}</h2>
        <StateMark
          shape={
            version.stage === 'production'
              ? 'released'
              : version.stage === 'retired'
                ? 'cancelled'
                : version.stage === 'draft'
                  ? 'pending'
                  : 'running'
          }
          tone="normal"
          word={t(`stage.${version.stage}`)}
        />
        <span className="quiet">
          {version.canary_percent === null ? null : `${t('model.canary_of', { percent: version.canary_percent })} `}
          <Since at={version.stage_since} /> · {t('models.registered')} <Age at={version.registered_at} />
        </span>
        <StageChange version={version} />
      </header>
      <p className="mono hash" title={t('provenance.hash')}>
        sha256 {version.sha256}
      </p>
      <div className="model-columns">
        <div>
          <h3>{t('models.thresholds')}</h3>
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
      <Details version={version} />
    </article>
  );
}
