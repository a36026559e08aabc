import type { Box } from '../../../src/contracts/primitives.ts';
import type { Size } from './view.ts';

/** Screen pixels between what is marked and its frame: the frame stands around it, never on it. */
export const GAP = 4;
export const LABEL_HEIGHT = 18;

export const framed = (box: Box): Box => ({ x: box.x - GAP, y: box.y - GAP, width: box.width + 2 * GAP, height: box.height + 2 * GAP });

function overlap(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}

/**
 * Puts each label beside its frame where it covers no frame and no other label; where every place covers something, the
 * one that covers least. Frames and widths of labels in screen pixels. The answer is in the order of `marks`.
 */
export function placeLabels(marks: readonly { frame: Box; width: number }[], port: Size): Box[] {
  const placed: Box[] = [];
  return marks.map(({ frame, width }) => {
    const right = frame.x + frame.width;
    const bottom = frame.y + frame.height;
    const inside = Math.max(0, Math.min(frame.x, port.width - width));
    const spots: [number, number][] = [
      [frame.x, frame.y - LABEL_HEIGHT],
      [frame.x, bottom],
      [right - width, frame.y - LABEL_HEIGHT],
      [right - width, bottom],
      [right, frame.y],
      [frame.x - width, frame.y],
      [right, bottom - LABEL_HEIGHT],
      [frame.x - width, bottom - LABEL_HEIGHT],
      // A label that is wider than what is left on either side of its frame is moved in.
      [inside, frame.y - LABEL_HEIGHT],
      [inside, bottom],
    ];
    let best: Box | null = null;
    let least = Infinity;
    for (const [x, y] of spots) {
      const label = { x, y, width, height: LABEL_HEIGHT };
      const outside = width * LABEL_HEIGHT - overlap(label, { x: 0, y: 0, ...port });
      let cost = outside * 2;
      for (const other of placed) cost += overlap(label, other);
      for (const other of marks) cost += overlap(label, other.frame);
      if (cost < least) {
        least = cost;
        best = label;
      }
      if (cost === 0) break;
    }
    placed.push(best!);
    return best!;
  });
}
