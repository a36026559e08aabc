import type { BoardClass } from '../../../src/contracts/defects.ts';

const ORDER: Record<BoardClass, 1 | 2 | 3 | 4 | 5 | 6> = { open: 1, short: 2, mousebite: 3, spur: 4, spurious_copper: 5, pin_hole: 6 };

/** The contract's classes in its order, which is that of the keys 1 to 6; kept here so that the schema library stays out of the bundle. */
export const BOARD_CLASSES = Object.keys(ORDER) as BoardClass[];
