import type { TFunction } from 'i18next';
import type { Defect } from '../../../src/contracts/defects.ts';
import type { InferenceRun } from '../../../src/contracts/inference.ts';
import type { Inspection } from '../../../src/contracts/inspections.ts';
import type { Formats } from '../figures/numbers.ts';
import type { BoardMark } from './frames.tsx';

/** Findings as marks: red when they stand, amber while a person is waited for, grey once rejected. */
export function marksOf(t: TFunction, format: Formats, inspection: Pick<Inspection, 'status'>, defects: readonly Defect[]): BoardMark[] {
  return defects.flatMap(({ id, box, score, state, class: name }): BoardMark[] =>
    box
      ? [
          {
            id,
            box,
            label: [t(`defect.${name}`), score === null ? '' : format.score(score), state === 'rejected' ? t('defect_state.rejected') : '']
              .filter(Boolean)
              .join(' '),
            look: state === 'rejected' ? 'dismissed' : state === 'proposed' && inspection.status === 'awaiting_review' ? 'person' : 'wrong',
          },
        ]
      : [],
  );
}

/** Everything the model saw from 0.05 up that became no finding. */
export function weakMarksOf(t: TFunction, format: Formats, run: InferenceRun | undefined, defects: readonly Defect[]): BoardMark[] {
  const taken = new Set(defects.flatMap(({ box }) => (box ? [`${box.x} ${box.y}`] : [])));
  return (run?.candidates ?? []).flatMap(({ class: name, box, score }, i): BoardMark[] =>
    taken.has(`${box.x} ${box.y}`)
      ? []
      : [{ id: `candidate-${i}`, box, label: `${t(`defect.${name}`)} ${format.score(score)}`, look: 'weak' }],
  );
}
