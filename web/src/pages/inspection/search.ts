import type { BoardMode } from '../../board/board-view.tsx';
import type { View } from '../../board/view.ts';

/** What of a board is shown stands in the address: a link shows a colleague the same spot. */
export interface InspectionSearch {
  mode?: Exclude<BoardMode, 'inspected' | 'four'>;
  /** Id of the selected defect. */
  defect?: string;
  /** Middle of the picture that is seen, and the zoom: `x,y,scale`. */
  view?: string;
  weak?: 'on';
}

export function inspectionSearch(raw: Record<string, unknown>): InspectionSearch {
  const { mode, defect, view, weak } = raw;
  return {
    ...(mode === 'template' || mode === 'side' || mode === 'difference' || mode === 'heat' ? { mode } : {}),
    ...(typeof defect === 'string' && defect ? { defect } : {}),
    ...(typeof view === 'string' && parseView(view) ? { view } : {}),
    ...(weak === 'on' ? { weak } : {}),
  };
}

export function parseView(text: string | undefined): View | null {
  const [x, y, scale] = (text ?? '').split(',').map(Number);
  return x !== undefined && y !== undefined && scale !== undefined && [x, y, scale].every(Number.isFinite) && scale > 0
    ? { x, y, scale }
    : null;
}
export const viewText = ({ x, y, scale }: View) => `${x.toFixed(1)},${y.toFixed(1)},${scale.toFixed(3)}`;
