import { useMemo } from 'react';
import type { Box } from '../../../src/contracts/primitives.ts';
import { framed, LABEL_HEIGHT, placeLabels } from './labels.ts';
import { type Size, toScreen, type View } from './view.ts';

/** Something marked on a board. */
export interface BoardMark {
  id: string;
  box: Box;
  /** Class and score in words. */
  label: string;
  look: 'wrong' | 'person' | 'dismissed' | 'weak';
}

const FONT = "600 12px -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif";
const widths = new Map<string, number>();
let pen: OffscreenCanvasRenderingContext2D | null = null;

/** Width of a label in the font of `.frame text`, with its margins; measured once a text. */
function widthOf(text: string): number {
  let width = widths.get(text);
  if (width === undefined) {
    pen ??= new OffscreenCanvas(1, 1).getContext('2d')!;
    pen.font = FONT;
    width = Math.ceil(pen.measureText(text).width) + 12;
    widths.set(text, width);
  }
  return width;
}

interface Frames {
  marks: readonly BoardMark[];
  selected: string | null;
  view: View;
  port: Size;
  /** Whether the frames carry their words. */
  named?: boolean;
  onSelect?: ((id: string) => void) | undefined;
}

/** Frames stand around what they mark, drawn in screen pixels on a casing, so that they are seen on copper and on board alike. */
export function BoardFrames({ marks, selected, view, port, named: withNames = true, onSelect }: Frames) {
  const placed = useMemo(() => {
    const frames = marks.map((mark) => ({
      mark,
      text: mark.label,
      width: widthOf(mark.label),
      frame: framed(toScreen(mark.box, view, port)),
    }));
    const seen = frames.filter(({ frame: f }) => f.x < port.width && f.y < port.height && f.x + f.width > 0 && f.y + f.height > 0);
    const named = withNames ? seen.filter(({ mark }) => mark.look !== 'weak' || mark.id === selected) : [];
    const labels = placeLabels(named, port);
    return seen.map((entry) => ({ ...entry, label: labels[named.indexOf(entry)] ?? null }));
  }, [marks, view, port, selected, withNames]);

  return (
    <svg className="board-frames" width={port.width} height={port.height} aria-hidden="true">
      {placed.map(({ mark, frame, label, text }) => (
        // biome-ignore lint/a11y/noStaticElementInteractions: the rows beside the picture do the same by keyboard
        <g
          key={mark.id}
          className={`frame frame-${mark.look}${mark.id === selected ? ' selected' : ''}`}
          onClick={() => onSelect?.(mark.id)}
        >
          <rect className="frame-casing" {...frame} rx="2" />
          <rect className="frame-line" {...frame} rx="2" />
          {label ? (
            <>
              <rect className="frame-plate" {...label} rx="2" />
              <text x={label.x + 6} y={label.y + LABEL_HEIGHT - 5}>
                {text}
              </text>
            </>
          ) : null}
        </g>
      ))}
    </svg>
  );
}
