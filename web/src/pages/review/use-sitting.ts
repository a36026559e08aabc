import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReviewItem, ReviewKind } from '../../../../src/contracts/review.ts';
import { useReads } from '../../api/use-reads.ts';
import type { Choice } from './outbox.ts';
import { useOutbox } from './use-outbox.ts';

/** A settled board stays out of sight for this long after its decision was sent: the queue needs a moment to learn of it. */
const SETTLING = 6_000;

/** The place of an item in the queue: an inspection may stand there for more than one reason. */
export const placeOf = ({ kind, inspection }: Pick<ReviewItem, 'kind' | 'inspection'>) =>
  kind === 'waiting' ? inspection.id : `${inspection.id}.${kind}`;

/** Boards keep their place while the queue moves underneath: new ones come last, whatever their weight. */
export function keepOrder(before: readonly string[], now: readonly string[]): string[] {
  const there = new Set(now);
  const kept = before.filter((id) => there.has(id));
  const known = new Set(kept);
  return [...kept, ...now.filter((id) => !known.has(id))];
}

/**
 * The queue as one person works it off: what is decided here is gone at once, and comes back when it is undone, refused,
 * or still waits for something after all.
 */
export function useSitting(kind: ReviewKind | undefined) {
  const reads = useReads();
  const queries = useQueryClient();
  const queue = useQuery({ ...reads.review(kind), refetchInterval: 15_000 });
  const [settled, setSettled] = useState<ReadonlySet<string>>(new Set());
  const [order, setOrder] = useState<readonly string[]>([]);
  const hide = (id: string) => setSettled((before) => new Set(before).add(id));
  const showAgain = (id: string) => setSettled((before) => new Set([...before].filter((other) => other !== id)));

  const outbox = useOutbox({
    onSent(choice) {
      window.setTimeout(() => {
        void queries.invalidateQueries({ queryKey: ['review'] }).then(() => showAgain(choice.item));
      }, SETTLING);
    },
    onBack(choice) {
      showAgain(choice.item);
      void queries.invalidateQueries({ queryKey: ['review'] });
    },
  });

  const items = new Map<string, ReviewItem>((queue.data?.data ?? []).map((item) => [placeOf(item), item]));
  const next = keepOrder(order, [...items.keys()]);
  if (next.join() !== order.join()) setOrder(next);
  const open = next.filter((id) => !settled.has(id)).map((id) => items.get(id)!);

  return {
    ...outbox,
    queue,
    open,
    decide(choice: Choice, last: boolean): void {
      if (last) hide(choice.item);
      outbox.decide(choice);
    },
  };
}
