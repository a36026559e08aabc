import { type ReactNode, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { BoardClass } from '../../../../src/contracts/defects.ts';
import type { Box } from '../../../../src/contracts/primitives.ts';
import { type Key, useKeys } from '../../app/keys.ts';
import { type Size, toScreen, type View } from '../../board/view.ts';
import { BOARD_CLASSES } from '../../parts/board-classes.ts';
import { frameAt, held } from './aim.ts';

export interface Marked {
  class: BoardClass;
  box: Box;
}

/** Pixels of the picture: about what a defect of the board model takes. */
const USUAL: Size = { width: 32, height: 32 };
const STEP = 4;
const LEAST = 8;
const MOST = 256;

interface Aim {
  aiming: boolean;
  picture: Size;
  onView(view: View): void;
  onMark(marked: Marked): void;
  onStop(): void;
}

interface Aimed {
  /** None while nothing is aimed. */
  keys: readonly Key[];
  frame: ((view: View, port: Size) => ReactNode) | undefined;
}

/** Marks a place: a frame stands still in the middle of the port, and the picture moves under it, by keys, by buttons or by dragging. */
export function useAim({ aiming, picture, onView, onMark, onStop }: Aim): Aimed {
  const { t } = useTranslation();
  const [frame, setFrame] = useState(USUAL);
  const seen = useRef<View>({ x: picture.width / 2, y: picture.height / 2, scale: 1 });
  const move = (dx: number, dy: number) => {
    const { x, y, scale } = seen.current;
    const step = 12 / scale;
    onView({ scale, x: held(x + dx * step, 0, picture.width), y: held(y + dy * step, 0, picture.height) });
  };
  const grow = (dw: number, dh: number) =>
    setFrame(({ width, height }) => ({
      width: held(width + dw * STEP, LEAST, MOST),
      height: held(height + dh * STEP, LEAST, MOST),
    }));
  const arrows = [
    ['ArrowLeft', -1, 0, 'left', 'narrower'],
    ['ArrowRight', 1, 0, 'right', 'wider'],
    ['ArrowUp', 0, -1, 'up', 'taller'],
    ['ArrowDown', 0, 1, 'down', 'lower'],
  ] as const;
  const keys: Key[] = aiming
    ? [
        ...BOARD_CLASSES.map((name, i) => ({
          key: String(i + 1),
          word: t('review.is_class', { name: t(`defect.${name}`) }),
          run: () => onMark({ class: name, box: frameAt(seen.current, frame, picture) }),
        })),
        ...arrows.map(([key, x, y, way]) => ({ key, word: t(`review.aim_${way}`), run: () => move(x, y) })),
        ...arrows.map(([key, x, y, , size]) => ({ key: `Shift+${key}`, word: t(`review.aim_${size}`), run: () => grow(x, -y) })),
        { key: 'Escape', word: t('review.aim_stop'), run: onStop },
      ]
    : [];
  useKeys(t('review.mark_missed'), keys);
  if (!aiming) return { keys, frame: undefined };
  return {
    keys,
    frame(view, port) {
      seen.current = view;
      const on = toScreen(frameAt(view, frame, picture), view, port);
      return (
        <svg className="board-aim" width={port.width} height={port.height} aria-hidden="true">
          <rect className="aim-casing" {...on} />
          <rect className="aim-line" {...on} />
        </svg>
      );
    },
  };
}
