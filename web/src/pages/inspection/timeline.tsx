import { useTranslation } from 'react-i18next';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import { serverNow } from '../../api/clock.ts';
import { useFormats } from '../../words/index.ts';

interface Step {
  at: string;
  words: string;
}

/** From posted to judged, each step with the time since the one before. Made from the record's own facts. */
export function Timeline({ inspection }: { inspection: Inspection }) {
  const { t } = useTranslation();
  const format = useFormats();
  const today = new Date(serverNow()).toISOString();
  const measured = inspection.measurements?.[0]?.created_at;
  const steps: Step[] = [
    { at: inspection.created_at, words: t('timeline.posted', { by: inspection.created_by }) },
    ...(inspection.artifacts ?? []).map(({ created_at, kind, size }) => ({
      at: created_at,
      words: t(`timeline.${kind}`, { size: format.bytes(size) }),
    })),
    ...(measured ? [{ at: measured, words: t('timeline.measured', { count: inspection.measurements!.length }) }] : []),
    ...(inspection.inference ?? []).map(({ finished_at, model, version }) => ({
      at: finished_at,
      words: t('timeline.ran', { model, version }),
    })),
    ...(inspection.defects ?? []).flatMap(({ reviewed_at, reviewed_by, class: name, state }) =>
      reviewed_at
        ? [
            {
              at: reviewed_at,
              words: t(state === 'rejected' ? 'timeline.rejected' : 'timeline.confirmed', {
                name: t(`defect.${name}`),
                by: reviewed_by ?? '',
              }),
            },
          ]
        : [],
    ),
    ...(inspection.status === 'awaiting_review' ? [{ at: inspection.updated_at, words: t('timeline.waits') }] : []),
    ...(inspection.completed_at ? [{ at: inspection.completed_at, words: t('timeline.judged') }] : []),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));

  return (
    <section className="block" aria-labelledby="timeline">
      <h2 id="timeline">{t('inspection.timeline')}</h2>
      <ol className="timeline">
        {steps.map((step, i) => {
          const before = steps[i - 1];
          const gap = before ? (Date.parse(step.at) - Date.parse(before.at)) / 1000 : 0;
          return (
            <li key={`${step.at} ${step.words}`}>
              <time dateTime={step.at} title={format.moment(step.at)}>
                {format.step(step.at, before?.at ?? today)}
              </time>
              <span>{step.words}</span>
              <span className="number quiet">{before ? `+${format.value(gap, gap < 10 ? 2 : 3)} s` : ''}</span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
