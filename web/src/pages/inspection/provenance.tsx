import { useTranslation } from 'react-i18next';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import { useMay } from '../../api/context.ts';
import { Link } from '../../app/link.tsx';
import { BOARD_CLASSES } from '../../parts/board-classes.ts';
import { useFormats } from '../../words/index.ts';

/** Which model judged, with what: enough to repeat the run. */
export function Provenance({ inspection }: { inspection: Inspection }) {
  const { t } = useTranslation();
  const format = useFormats();
  const maySeeModels = useMay('inference:read');
  const runs = inspection.inference ?? [];
  if (runs.length === 0) return null;
  return (
    <section className="block" aria-labelledby="provenance">
      <h2 id="provenance">{t('inspection.provenance')}</h2>
      {[...runs].reverse().map((run) => (
        <dl key={run.operation_id} className="facts">
          <dt>{t('provenance.model')}</dt>
          <dd>
            {maySeeModels ? (
              <Link to="/models/$name" params={{ name: run.model }}>
                {run.model} {run.version}
              </Link>
            ) : (
              `${run.model} ${run.version}`
            )}{' '}
            <span className="quiet">{run.runtime}</span>
          </dd>
          <dt>{t('provenance.hash')}</dt>
          <dd className="mono" title={run.model_sha256}>
            {run.model_sha256.slice(0, 16)}…
          </dd>
          <dt>{t('provenance.thresholds')}</dt>
          <dd>
            {BOARD_CLASSES.filter((name) => run.thresholds[name] !== undefined)
              .map((name) => `${t(`defect.${name}`)} ${format.score(run.thresholds[name])}`)
              .join(' · ') ||
              Object.entries(run.thresholds)
                .map(([name, value]) => `${name} ${format.score(value)}`)
                .join(' · ')}
          </dd>
          <dt>{t('provenance.candidates')}</dt>
          <dd>{t('provenance.candidates_words', { count: run.candidates.length })}</dd>
          <dt>{t('provenance.timings')}</dt>
          <dd>
            {Object.entries(run.timings_ms)
              .map(([name, ms]) => `${name} ${format.value(ms, 3)}`)
              .join(' · ')}{' '}
            ms
          </dd>
          <dt>{t('provenance.inputs')}</dt>
          <dd className="mono">
            <span title={run.input_sha256.image}>{run.input_sha256.image.slice(0, 10)}…</span> /{' '}
            <span title={run.input_sha256.reference}>{run.input_sha256.reference.slice(0, 10)}…</span>
          </dd>
        </dl>
      ))}
    </section>
  );
}
