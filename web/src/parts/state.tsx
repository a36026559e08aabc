import { useTranslation } from 'react-i18next';
import type { Lot } from '../../../src/contracts/masterdata.ts';
import { type InspectionState, type Stated, stateOf } from './inspection-state.ts';
import { type Shape, StateMark, type Tone } from './marks.tsx';

const LOOKS: Record<InspectionState, [Shape, Tone]> = {
  pass: ['pass', 'normal'],
  fail: ['fail', 'wrong'],
  inconclusive: ['inconclusive', 'person'],
  pending: ['pending', 'normal'],
  in_progress: ['running', 'normal'],
  awaiting_review: ['waiting', 'person'],
  cancelled: ['cancelled', 'normal'],
  failed: ['fail', 'wrong'],
};

export const shapeOf = (state: InspectionState): Shape => LOOKS[state][0];
export const toneOf = (state: InspectionState): Tone => LOOKS[state][1];

export function InspectionMark({ of, title }: { of: Stated; title?: string }) {
  const { t } = useTranslation();
  const state = stateOf(of);
  const [shape, tone] = LOOKS[state];
  return <StateMark shape={shape} tone={tone} word={t(`state.${state}`)} title={title} />;
}

const LOT_LOOKS: Record<Lot['state'], [Shape, Tone]> = {
  open: ['open', 'normal'],
  held: ['held', 'wrong'],
  released: ['released', 'normal'],
};

export function LotMark({ state }: { state: Lot['state'] }) {
  const { t } = useTranslation();
  const [shape, tone] = LOT_LOOKS[state];
  return <StateMark shape={shape} tone={tone} word={t(`lot_state.${state}`)} />;
}
