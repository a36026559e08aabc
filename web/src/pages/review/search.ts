import type { Show } from '../../board/board-port.tsx';

const LARGE: Record<Show, true> = { inspected: true, template: true, difference: true, heat: true };
export interface ReviewSearch {
  /** The board that is looked at. */
  at?: string;
  /** The one picture that is shown large; all four when left out. */
  mode?: Show;
}
export function reviewSearch({ at, mode }: Record<string, unknown>): ReviewSearch {
  return {
    ...(typeof at === 'string' && at ? { at } : {}),
    ...(typeof mode === 'string' && Object.hasOwn(LARGE, mode) ? { mode: mode as Show } : {}),
  };
}
