import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Defect } from '../../../../src/contracts/defects.ts';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import type { Measurement } from '../../../../src/contracts/measurements.ts';
import { useKeys } from '../../app/keys.ts';
import { type BoardMode, BoardView } from '../../board/board-view.tsx';
import type { BoardMark } from '../../board/frames.tsx';
import { marksOf } from '../../board/marks.ts';
import { useBoard } from '../../board/use-board.ts';
import type { View } from '../../board/view.ts';
import { useFormats } from '../../words/index.ts';
import { Measurements } from '../inspection/measurements.tsx';
import { ModeBar } from '../inspection/mode-bar.tsx';
import { AimPad } from './aim-pad.tsx';
import { type Marked, useAim } from './use-aim.tsx';

interface PanesProps {
  inspection: Inspection;
  defects: readonly Defect[];
  current: Defect | null;
  measurements: readonly Measurement[];
  mode: BoardMode;
  onMode(mode: BoardMode): void;
  onPick(id: string): void;
  /** What was marked as missed so far. */
  missed: readonly Marked[];
  /** Frames beside those of the findings. */
  extra: readonly BoardMark[];
  aiming: boolean;
  onMark(marked: Marked): void;
  onStop(): void;
}

/** Template, picture, difference and heat beside each other, or one of them large; they move together. */
export function Panes(props: PanesProps) {
  const { inspection, defects, current, measurements, mode, onMode, onPick, missed, extra, aiming, onMark, onStop } = props;
  const { t } = useTranslation();
  const format = useFormats();
  const board = useBoard(inspection, true);
  const [view, setView] = useState<View | null>(null);
  const [flicker, setFlicker] = useState(false);
  const aim = useAim({ aiming, picture: board.size, onView: setView, onMark, onStop });
  const toggle = (to: BoardMode) => onMode(mode === to ? 'four' : to);
  useKeys(
    t('page.review'),
    board.visual
      ? [
          { key: 'b', word: t('key.flicker'), run: () => setFlicker(true), release: () => setFlicker(false) },
          { key: 't', word: t('key.template'), run: () => toggle('template') },
          { key: 'i', word: t('key.inspected'), run: () => toggle('inspected') },
          { key: 'd', word: t('key.difference'), run: () => toggle('difference') },
          { key: 'h', word: t('key.heat'), run: () => toggle('heat') },
        ]
      : [],
  );
  if (!board.visual) return <Measurements measurements={measurements} />;
  return (
    <section className={`desk-board${mode === 'four' ? '' : ' large'}`} aria-label={t('board.section')}>
      <ModeBar
        mode={mode}
        modes={['four', 'template', 'inspected', 'difference', 'heat']}
        template={board.template.state}
        onMode={onMode}
        flickerKey="B"
      />
      <BoardView
        {...board}
        marks={[
          ...marksOf(t, format, { status: 'awaiting_review' }, defects),
          ...extra,
          ...missed.map(({ class: name, box }, i) => ({ id: `missed-${i}`, box, label: t(`defect.${name}`), look: 'wrong' as const })),
        ]}
        aim={aim.frame}
        selected={current?.id ?? null}
        mode={mode}
        flicker={flicker}
        view={view}
        onView={setView}
        onSelect={onPick}
        follow={current?.box ? current.id : null}
      />
      {aim.keys.length > 0 ? <AimPad keys={aim.keys} /> : null}
    </section>
  );
}
