import type { Inspection } from '../../../../src/contracts/inspections.ts';
import type { ReviewItem } from '../../../../src/contracts/review.ts';

/** The place of an item in the queue: an inspection may stand there for more than one reason. */
export const placeOf = ({ kind, inspection }: Pick<ReviewItem, 'kind' | 'inspection'>) =>
  kind === 'waiting' ? inspection.id : `${inspection.id}.${kind}`;

/** Whether all that an item asks was said here, sent or not. Only these kinds are answered by their findings; the others as a whole. */
export function doneHere(item: ReviewItem, decided: ReadonlyMap<string, unknown>): boolean {
  const open = item.defects.filter(({ state }) => state === 'proposed');
  const byFindings = item.kind === 'waiting' || item.kind === 'severity';
  return decided.has(placeOf(item)) || (byFindings && open.length > 0 && open.every(({ id }) => decided.has(id)));
}

/** Places whose decision was made here and is not taken yet: they are not asked again, however long the platform is out of reach. */
export function unanswered(
  items: readonly ReviewItem[],
  decided: ReadonlyMap<string, unknown>,
  underWay: readonly { item: string }[],
): Set<string> {
  const done = new Set(items.filter((item) => doneHere(item, decided)).map(placeOf));
  return new Set(underWay.map(({ item }) => item).filter((place) => decided.has(place) || done.has(place)));
}

/** Where a person stands: what lies before them, and which of the queue it is or was. */
export interface Stood {
  item: ReviewItem;
  index: number;
}
/**
 * `left`: it was before the person and is no longer in the queue. It stays until they move: a board that is exchanged under a hand that is about to press a
 * key is judged by mistake. `beyond`: it still waits, behind what was read of the queue. `unknown`: the address names a place that was never seen here.
 */
export type Stand = ({ state: 'open' | 'left' | 'beyond' } & Stood) | { state: 'unknown' | 'none' };

/**
 * Whether a board that left the queue was taken out by somebody else. A look at grave findings ends with the first of them: where the person said it
 * themselves, what else was found is still theirs to decide.
 */
export const takenElsewhere = (stand: Stand, decided: ReadonlyMap<string, unknown>): boolean =>
  stand.state === 'left' && !(stand.item.kind === 'severity' && stand.item.defects.some(({ id }) => decided.has(id)));

export function standOf(
  at: string | undefined,
  open: readonly ReviewItem[],
  last: Stood | null,
  /** Places that were decided here: nobody waits there any more. */
  settled: ReadonlySet<string>,
): Stand {
  const first = open[0];
  if (at !== undefined && !settled.has(at)) {
    const index = open.findIndex((item) => placeOf(item) === at);
    const item = open[index];
    if (item) return { state: 'open', item, index };
    return last && placeOf(last.item) === at ? { state: 'left', ...last } : { state: 'unknown' };
  }
  return first ? { state: 'open', item: first, index: 0 } : { state: 'none' };
}

/** The board `by` steps on; from one that is not in the queue the next is the one that has moved up into its place. */
export function stepFrom(stand: Stand, open: readonly ReviewItem[], by: number): ReviewItem | undefined {
  if (open.length === 0) return undefined;
  const index = 'index' in stand ? stand.index : 0;
  const from = stand.state === 'open' || by < 0 ? index : index - 1;
  return open[(from + by + open.length) % open.length];
}

/** Where a decision leads to: on, and back where nothing comes after. */
export function nextAfter(stand: Stand, open: readonly ReviewItem[]): ReviewItem | undefined {
  if (stand.state !== 'open') return stepFrom(stand, open, 1);
  return open[stand.index + 1] ?? open[stand.index - 1];
}

/** A waiting board that the part of the queue that was read does not hold: the record alone says enough to decide it. */
export function itemOf(inspection: Inspection): ReviewItem | null {
  if (inspection.status !== 'awaiting_review') return null;
  return {
    kind: 'waiting',
    inspection,
    why: inspection.reason ?? '',
    worst_severity: null,
    worst_score: null,
    waiting_since: inspection.updated_at,
    defects: inspection.defects ?? [],
    disagreement: null,
    repeat: null,
  };
}
