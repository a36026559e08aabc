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
  faint = false,
  affine = IDENTITY,
}: Layer & { url: string; hidden?: boolean; faint?: boolean; affine?: Affine }) {
  return (
    <img
      className={`${lookOf(view)}${faint ? ' faint' : ''}`}
      src={url}
      alt={alt}
      width={size.width}
      height={size.height}
      style={{ transform: placed(view, port, affine), visibility: hidden ? 'hidden' : 'visible' }}
      draggable={false}
    />
  );
}

/** Picture pixels that one pixel of the heat stands for, each way. */
const HEAT_SCALE = 8;

/** How sure the model was, place by place: red as thick as the score is high. The heat comes as grey on an eighth of the picture's pixels. */
export function HeatLayer({ url, alt, view, port, size }: Layer & { url: string }) {
  const up = (pixels: number) => Math.ceil(pixels / HEAT_SCALE) * HEAT_SCALE;
  return (
    <div
      role="img"
      aria-label={alt}
      className="board-heat"
      style={{ width: up(size.width), height: up(size.height), transform: placed(view, port, IDENTITY), maskImage: `url("${url}")` }}
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
