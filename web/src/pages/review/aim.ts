import type { Box } from '../../../../src/contracts/primitives.ts';
import type { Size } from '../../board/view.ts';

export const held = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

/** The frame around `at`, in whole pixels of the picture and never over its edge. */
export function frameAt(at: { x: number; y: number }, frame: Size, picture: Size): Box {
  const width = Math.min(frame.width, picture.width);
  const height = Math.min(frame.height, picture.height);
  return {
    x: Math.round(held(at.x - width / 2, 0, picture.width - width)),
    y: Math.round(held(at.y - height / 2, 0, picture.height - height)),
    width,
    height,
  };
}
