import { useTranslation } from 'react-i18next';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import { useMay } from '../../api/context.ts';
import { ButtonLink } from '../../app/button-link.tsx';
import { countWords } from '../../parts/defect-words.ts';
import { stateOf } from '../../parts/inspection-state.ts';
import { StateMark } from '../../parts/marks.tsx';
import { reasonWords } from '../../parts/reason.ts';
import { shapeOf, toneOf } from '../../parts/state.tsx';

/** The verdict and why, in words. */
export function VerdictPanel({ inspection }: { inspection: Inspection }) {
  const { t } = useTranslation();
  const mayReview = useMay('defects:review');
  const state = stateOf(inspection);
  const standing = countWords(t, inspection.defects ?? []);
  return (
    <section className={`verdict verdict-${toneOf(state)}`} aria-label={t('inspection.verdict')}>
      <p className="verdict-words">
        <StateMark shape={shapeOf(state)} tone={toneOf(state)} word={t(`verdict.${state}`)} />
      </p>
      {inspection.reason ? <p>{reasonWords(t, inspection.reason)}</p> : null}
      {standing ? <p className="quiet">{t('inspection.stands', { defects: standing })}</p> : null}
      {state === 'awaiting_review' && mayReview ? (
        <ButtonLink target={{ to: '/review', search: { at: inspection.id } }} filled>
          {t('inspection.review_now')}
        </ButtonLink>
      ) : null}
    </section>
  );
}
