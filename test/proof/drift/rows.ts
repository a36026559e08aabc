import { readFileSync } from 'node:fs';
import type { ReplayBoard, ReplayPlan } from './replay.ts';

/** Figures of pictures as text, a line a board in their order: copper, dx, dy, residual, stretch, sharpness. */
export function writeRows(rows: readonly ReplayBoard[]): string {
  const lines = rows.map(({ features: { copper_fraction, shift, residual, stretch, sharpness } }) =>
    [copper_fraction, shift.dx, shift.dy, residual, stretch, sharpness].join(','),
  );
  return `copper_fraction,dx,dy,residual,stretch,sharpness\n${lines.join('\n')}\n`;
}

/** The same back; which station and product a board is of follows from the plan. */
export function readRows(file: string, plan: ReplayPlan): ReplayBoard[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(1);
  return lines.map((line, index) => {
    const [copper_fraction = 0, dx = 0, dy = 0, residual = 0, stretch = 0, sharpness = 0] = line.split(',').map(Number);
    const product = Math.floor(index / plan.lot) % plan.products;
    return {
      index,
      station: index % plan.stations,
      product,
      features: { copper_fraction, shift: { dx, dy }, residual, stretch, sharpness },
    };
  });
}
