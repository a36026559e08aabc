import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ModelVersion } from '../../../../src/contracts/inference.ts';
import type { StageChange } from '../../../../src/contracts/models.ts';
import { useModelReads } from '../../api/model-reads.ts';
import { Failed } from '../../parts/notice.tsx';
import { useFormats } from '../../words/index.ts';

/** All else that the registry knows of a version; read when it is opened. */
export function Details({ version }: { version: ModelVersion }) {
  const { t } = useTranslation();
  const [open, set] = useState(false);
  return (
    <details className="model-details" onToggle={(event) => set(event.currentTarget.open)}>
      <summary>{t('model.details')}</summary>
      {open ? <Opened version={version} /> : null}
    </details>
  );
}

const json = (value: unknown) => (value === null ? null : JSON.stringify(value, null, 1).replace(/\n\s*/g, ' '));

function Opened({ version }: { version: ModelVersion }) {
  const { t } = useTranslation();
  const format = useFormats();
  const reads = useModelReads();
  const { data, error, refetch } = useQuery(reads.version(version.model, version.version));
  if (!data && error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <p className="quiet">{t('act.loading')}</p>;
  return (
    <div className="model-opened">
      <p>
        {t(data.ready ? 'model.ready_here' : 'model.not_ready_here')}
        {data.replaced === null ? null : `. ${t('model.replaced', { version: data.replaced })}`}
      </p>
      <h3>{t('model.history')}</h3>
      {data.history.length === 0 ? <p className="quiet">{t('model.no_history')}</p> : null}
      <ol className="model-history">
        {data.history.map((change) => (
          <Change key={change.id} change={change} />
        ))}
      </ol>
      <dl className="facts">
        <dt>{t('model.input')}</dt>
        <dd className="mono">{json(data.input) ?? '-'}</dd>
        <dt>{t('model.outputs')}</dt>
        <dd className="mono">{json(data.outputs) ?? '-'}</dd>
        <dt>{t('model.nms')}</dt>
        <dd>{format.score(data.nms_iou)}</dd>
        <dt>{t('model.training')}</dt>
        <dd className="mono">{json(data.training) ?? '-'}</dd>
        <dt>{t('model.training_hash')}</dt>
        <dd className="mono">{data.training_sha256 ?? '-'}</dd>
      </dl>
      <h3>{t('model.card')}</h3>
      {data.card ? <pre className="model-card">{data.card}</pre> : <p className="quiet">{t('model.no_card')}</p>}
    </div>
  );
}

function Change({ change }: { change: StageChange }) {
  const { t, i18n } = useTranslation();
  const format = useFormats();
  const stage = (name: string) => (i18n.exists(`stage.${name}`) ? t(`stage.${name}` as 'stage.draft') : name);
  const notes = [
    change.canary_percent === null ? '' : t('model.canary_of', { percent: change.canary_percent }),
    change.rollback ? t('model.rolled_back') : '',
    change.automatic ? t('model.automatic') : '',
  ].filter(Boolean);
  const rule = change.figures?.rule;
  const broken = typeof rule === 'string' && i18n.exists(`model.rule_${rule}`) ? `${t(`model.rule_${rule}` as 'model.rule_errors')}; ` : '';
  return (
    <li>
      <time dateTime={change.at}>{format.moment(change.at)}</time>
      <span>
        {change.from === null
          ? t('model.to_first', { to: stage(change.to) })
          : t('model.from_to', { from: stage(change.from), to: stage(change.to) })}
        {notes.length > 0 ? ` (${notes.join(', ')})` : ''}
        {' · '}
        {change.by === 'inference' ? t('model.platform') : change.by}: {broken}
        {change.from === null && change.by === 'inference' ? t('model.from_repository') : change.reason}
        {change.figures ? <small className="quiet"> {t('model.measured_then', { figures: json(change.figures) ?? '' })}</small> : null}
      </span>
    </li>
  );
}
