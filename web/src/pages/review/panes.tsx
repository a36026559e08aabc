import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Defect } from '../../../../src/contracts/defects.ts';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import type { Measurement } from '../../../../src/contracts/measurements.ts';
import { useKeys } from '../../app/keys.ts';
import { type BoardMode, BoardView } from '../../board/board-view.tsx';
import { marksOf } from '../../board/marks.ts';
import { useBoard } from '../../board/use-board.ts';
import type { View } from '../../board/view.ts';
import { useFormats } from '../../words/index.ts';
import { Measurements } from '../inspection/measurements.tsx';
import { ModeBar } from '../inspection/mode-bar.tsx';

interface PanesProps {
  inspection: Inspection;
  defects: readonly Defect[];
  current: Defect | null;
  measurements: readonly Measurement[];
  mode: BoardMode;
  onMode(mode: BoardMode): void;
  onPick(id: string): void;
}

/** Template, picture, difference and heat beside each other, or one of them large; they move together. */
export function Panes({ inspection, defects, current, measurements, mode, onMode, onPick }: PanesProps) {
  const { t } = useTranslation();
  const format = useFormats();
  const board = useBoard(inspection, true);
  const [view, setView] = useState<View | null>(null);
  const [flicker, setFlicker] = useState(false);
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
      />
      <BoardView
        {...board}
        marks={marksOf(t, format, { status: 'awaiting_review' }, defects)}
        selected={current?.id ?? null}
        mode={mode}
        flicker={flicker}
        view={view}
        onView={setView}
        onSelect={onPick}
        follow={current?.box ? current.id : null}
      />
    </section>
  );
}
