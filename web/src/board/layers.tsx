import { useEffect, useRef } from 'react';
import type { Comparison } from './comparison.ts';
import { type Affine, cssOf, IDENTITY } from './registration.ts';
import type { Size, View } from './view.ts';

interface Layer {
  alt: string;
  view: View;
  port: Size;
  size: Size;
}

/** Places a picture of `size` so that it is seen as `view` says; pixels stay sharp when they are larger than the screen's. */
const placed = (view: View, port: Size, affine: Affine) =>
  `translate(${port.width / 2 - view.x * view.scale}px, ${port.height / 2 - view.y * view.scale}px) scale(${view.scale})${affine === IDENTITY ? '' : ` ${cssOf(affine)}`}`;
const lookOf = (view: View) => `board-layer${view.scale >= 2 ? ' sharp' : ''}`;

/** `affine` lays a template as it is found under the board, so that a flicker shows defects and not the board's place on the stage. */
export function PictureLayer({
  url,
  alt,
  view,
  port,
  size,
  hidden,
  affine = IDENTITY,
  look = '',
}: Layer & { url: string; hidden?: boolean; affine?: Affine; look?: string }) {
  return (
    <img
      className={`${lookOf(view)} ${look}`}
      src={url}
      alt={alt}
      width={size.width}
      height={size.height}
      style={{ transform: placed(view, port, affine), visibility: hidden ? 'hidden' : 'visible' }}
      draggable={false}
    />
  );
}

export function DifferenceLayer({ comparison, alt, view, port, size }: Layer & { comparison: Comparison }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    canvas.current?.getContext('2d')?.putImageData(new ImageData(comparison.picture, size.width, size.height), 0, 0);
  }, [comparison, size]);
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={alt}
      className={lookOf(view)}
      width={size.width}
      height={size.height}
      style={{ transform: placed(view, port, IDENTITY) }}
    />
  );
}
