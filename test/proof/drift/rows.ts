import { readFileSync } from 'node:fs';
import type { ReplayBoard, ReplayPlan } from './replay.ts';

/** Figures of pictures as text, a line a board in their order. */
export function writeRows(rows: readonly ReplayBoard[]): string {
  const lines = rows.map(({ features: { copper_fraction, shift, residual, stretch, lengthened, sharpness } }) =>
    [copper_fraction, shift.dx, shift.dy, residual, stretch, lengthened?.x, lengthened?.y, sharpness].join(','),
  );
  return `copper_fraction,dx,dy,residual,stretch,across,down,sharpness\n${lines.join('\n')}\n`;
}

/** The same back; which station and product a board is of follows from the plan. */
export function readRows(file: string, plan: ReplayPlan): ReplayBoard[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(1);
  return lines.map((line, index) => {
    const [copper_fraction = 0, dx = 0, dy = 0, residual = 0, stretch = 0, x = 0, y = 0, sharpness = 0] = line.split(',').map(Number);
    const features = { copper_fraction, shift: { dx, dy }, residual, stretch, lengthened: { x, y }, sharpness };
    return { index, station: index % plan.stations, product: Math.floor(index / plan.lot) % plan.products, features };
  });
}
