import type { Candidate } from '../../contracts/inference.ts';
import type { Box } from '../../contracts/primitives.ts';

/** Two calls of one place. IoU as in the protocol that the model's accuracy is measured by. */
const SAME_PLACE = 0.33;
/** Differences of one board that are kept one by one; the counts in `cells` are of all. */
const MOST_DIFFERENCES = 50;

export interface Difference {
  production: Candidate | null;
  candidate: Candidate | null;
}
/** Calls by class of production and of the candidate in one place; null: nothing called there. */
export interface Cell {
  production: string | null;
  candidate: string | null;
  calls: number;
}
export interface Agreement {
  agrees: boolean;
  cells: Cell[];
  differences: Difference[];
}

/** What of a run's candidates is called a defect. A class without a threshold has none to hide under, as where the verdict is made. */
export function callsOf(candidates: readonly Candidate[], thresholds: Readonly<Record<string, number>>): Candidate[] {
  return candidates.filter(({ class: name, score }) => score >= (thresholds[name] ?? 0));
}

function sharedPart(one: Box, other: Box): number {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (one.width * one.height + other.width * other.height - width * height);
}

/** Pairs calls of one place: first those of one class, then those that only the class tells apart; the best overlap first. Pure. */
export function compareCalls(production: readonly Candidate[], candidate: readonly Candidate[]): Agreement {
  const pairs = production
    .flatMap((left, row) => candidate.map((right, column) => ({ left, right, row, column, part: sharedPart(left.box, right.box) })))
    .filter(({ part }) => part > SAME_PLACE)
    .sort(
      (one, other) => Number(other.left.class === other.right.class) - Number(one.left.class === one.right.class) || other.part - one.part,
    );
  const [rows, columns] = [new Set<number>(), new Set<number>()];
  const cells = new Map<string, Cell>();
  const differences: Difference[] = [];
  const count = (left: Candidate | null, right: Candidate | null) => {
    const name = `${left?.class ?? ''} ${right?.class ?? ''}`;
    const cell = cells.get(name) ?? { production: left?.class ?? null, candidate: right?.class ?? null, calls: 0 };
    cell.calls += 1;
    cells.set(name, cell);
    if (left?.class !== right?.class) differences.push({ production: left, candidate: right });
  };
  for (const { left, right, row, column } of pairs) {
    if (rows.has(row) || columns.has(column)) continue;
    rows.add(row);
    columns.add(column);
    count(left, right);
  }
  for (const [row, left] of production.entries()) if (!rows.has(row)) count(left, null);
  for (const [column, right] of candidate.entries()) if (!columns.has(column)) count(null, right);
  return { agrees: differences.length === 0, cells: [...cells.values()], differences: differences.slice(0, MOST_DIFFERENCES) };
}
