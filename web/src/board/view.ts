import type { Box } from '../../../src/contracts/primitives.ts';

/** What of a picture is seen: the picture's point at the middle of the port, and screen pixels a picture pixel. */
export interface View {
  x: number;
  y: number;
  scale: number;
}
export interface Size {
  width: number;
  height: number;
}

/** 32 screen pixels a pixel: single pixels can be counted. */
export const CLOSEST = 32;
const MARGIN = 28;

/** The whole picture, with room around it for labels. */
export function fit(picture: Size, port: Size): View {
  const scale = Math.min((port.width - 2 * MARGIN) / picture.width, (port.height - 2 * MARGIN) / picture.height);
  return { x: picture.width / 2, y: picture.height / 2, scale: Math.max(0.02, scale) };
}

/** Keeps the middle of the port on the picture and the zoom between half of the fit and single pixels. */
export function held(view: View, picture: Size, port: Size): View {
  const least = Math.min(1, fit(picture, port).scale / 2);
  return {
    x: Math.min(picture.width, Math.max(0, view.x)),
    y: Math.min(picture.height, Math.max(0, view.y)),
    scale: Math.min(CLOSEST, Math.max(least, view.scale)),
  };
}

/** Zooms so that the picture's point under `at` (screen pixels from the port's corner) stays where it is. */
export function zoomAt(view: View, factor: number, at: { x: number; y: number }, picture: Size, port: Size): View {
  const dx = at.x - port.width / 2;
  const dy = at.y - port.height / 2;
  const next = held({ ...view, scale: view.scale * factor }, picture, port);
  return held(
    { scale: next.scale, x: view.x + dx / view.scale - dx / next.scale, y: view.y + dy / view.scale - dy / next.scale },
    picture,
    port,
  );
}

/** Goes to a box: it takes about a fifth of the port, so that its surroundings are seen too. */
export function goTo(box: Box, picture: Size, port: Size): View {
  const side = Math.max(box.width, box.height, 8);
  const scale = Math.max(fit(picture, port).scale, Math.min(12, (Math.min(port.width, port.height) * 0.2) / side));
  return held({ x: box.x + box.width / 2, y: box.y + box.height / 2, scale }, picture, port);
}

export function toScreen(box: Box, view: View, port: Size): Box {
  return {
    x: (box.x - view.x) * view.scale + port.width / 2,
    y: (box.y - view.y) * view.scale + port.height / 2,
    width: box.width * view.scale,
    height: box.height * view.scale,
  };
}
