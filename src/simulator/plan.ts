import { BOARD_CLASSES, type BoardClass } from '../contracts/defects.ts';
import type { InspectionType } from '../contracts/inspections.ts';
import { Random } from './boards/random.ts';

/** What is wrong with the n-th unit of a line, before anyone looks: settled by the seed alone. */
export interface UnitPlan {
  readonly serial: number;
  readonly defects: readonly BoardClass[];
  /** A measured unit that is out of its limits. */
  readonly outOfLimits: boolean;
  /** The camera's picture breaks off on its way: nobody can judge it but a person. Good units only, so that no defect goes unseen by it. */
  readonly cameraFault: boolean;
}

/** Share of the good boards whose picture is broken. */
const CAMERA_FAULTS = 0.02;
/** Of the first boards of a run, these are bad whatever the rate, so that a newcomer sees defects within seconds. */
const SHOWN_EARLY = new Set([2, 6, 9, 13, 17]);

/** One unit: bad with probability `defectRate`, with 1 to 4 defects; `shownEarly`: some of the first are bad whatever the rate. */
export function planUnit(seed: number, serial: number, defectRate: number, shownEarly = true): UnitPlan {
  const random = new Random(seed).fork(serial);
  const bad = random.next() < defectRate || (shownEarly && defectRate > 0 && SHOWN_EARLY.has(serial));
  const count = 1 + Math.floor(random.next() ** 2 * 4);
  return {
    serial,
    defects: bad ? Array.from({ length: count }, () => random.pick(BOARD_CLASSES)) : [],
    outOfLimits: bad,
    cameraFault: !bad && random.chance(CAMERA_FAULTS),
  };
}

/** Visual boards a minute at `elapsed` ms of a run: fast while a newcomer looks on, then slowly, so that a laptop runs it for a month. */
export function rateAt(elapsed: number, pace: { fast: number; slow: number; fastMillis: number }): number {
  return elapsed < pace.fastMillis ? pace.fast : Math.min(pace.fast, pace.slow);
}

/** Lots are numbered on from the last one that the plant knows; after 999 the next year's numbers begin. */
export function nextLot(last: string | undefined, year: number): string {
  const found = last === undefined ? null : /^LOT-(\d{4})-(\d{3})$/.exec(last);
  if (!found) return `LOT-${year}-001`;
  const number = Number(found[1]) * 1000 + Number(found[2]) + 1;
  return `LOT-${String(Math.floor(number / 1000)).padStart(4, '0')}-${String(number % 1000).padStart(3, '0')}`;
}

/** Boards of a lot: few at first so that lots are seen to change, more when the line is slow. */
export const LOT_SIZE = { fast: 25, slow: 100 } as const;

export const SHARE_OF_VISUAL: Record<Exclude<InspectionType, 'visual'>, number> = { electrical: 0.4, thermal: 0.15, dimensional: 0.25 };
