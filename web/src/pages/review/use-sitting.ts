import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { ReviewItem, ReviewKind } from '../../../../src/contracts/review.ts';
import { useReads } from '../../api/use-reads.ts';
import type { Choice } from '../../decisions/outbox.ts';
import { useDecisions } from '../../decisions/provider.tsx';
import { doneHere, placeOf, unanswered } from './stand.ts';
import type { Marked } from './use-aim.tsx';

/** A settled board stays out of sight for this long after its decision was sent: the queue needs a moment to learn of it. */
const SETTLING = 6_000;

/** What was begun on a board and not yet said: it is there again when the person comes back to it. */
export interface Draft {
  reason: string;
  missed: readonly Marked[];
}
export const EMPTY: Draft = { reason: '', missed: [] };

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
  const [order, setOrder] = useState<readonly string[]>([]);
  const [drafts, setDrafts] = useState<ReadonlyMap<string, Draft>>(new Map());
  const hide = (id: string) => setSettled((before) => new Set(before).add(id));
  const showAgain = (id: string) => setSettled((before) => new Set([...before].filter((other) => other !== id)));

  const decisions = useDecisions({
    onSent(choice) {
      // Of one finding: the rest of the board is still being worked on.
      if (choice.kind !== 'defect') setDrafts((before) => new Map([...before].filter(([place]) => place !== choice.item)));
      if (hidden.has(choice.item)) hide(choice.item);
      window.setTimeout(() => {
        void queries.invalidateQueries({ queryKey: ['review'] }).then(() => showAgain(choice.item));
      }, SETTLING);
    },
    onBack(choice) {
      showAgain(choice.item);
      void queries.invalidateQueries({ queryKey: ['review'] });
    },
  });

  const [settled, setSettled] = useState<ReadonlySet<string>>(
    // The queue as it was kept when the page was left still holds what was decided then.
    () => new Set((queue.data?.data ?? []).filter((item) => doneHere(item, decisions.decided)).map(placeOf)),
  );
  const back = useRef(settled);
  useEffect(() => {
    if (back.current.size === 0) return;
    const timer = window.setTimeout(() => {
      void queries.invalidateQueries({ queryKey: ['review'] }).then(() => {
        setSettled((before) => new Set([...before].filter((place) => !back.current.has(place))));
      });
    }, SETTLING);
    return () => window.clearTimeout(timer);
  }, [queries]);

  const items = new Map<string, ReviewItem>((queue.data?.data ?? []).map((item) => [placeOf(item), item]));
  const next = keepOrder(order, [...items.keys()]);
  if (next.join() !== order.join()) setOrder(next);
  const underWay = [...decisions.waiting.map(({ choice }) => choice), ...decisions.sending, ...decisions.unsent];
  const hidden = new Set([...settled, ...unanswered([...items.values()], decisions.decided, underWay)]);
  const open = next.filter((id) => !hidden.has(id)).map((id) => items.get(id)!);

  return {
    ...decisions,
    queue,
    open,
    settled: hidden,
    draftOf: (place: string): Draft => drafts.get(place) ?? EMPTY,
    /** A function gets what stands there at the moment, however fast marks follow each other. */
    keep: (place: string, change: (draft: Draft) => Draft) =>
      setDrafts((before) => new Map(before).set(place, change(before.get(place) ?? EMPTY))),
    decide(choice: Choice, last: boolean): void {
      if (last) hide(choice.item);
      decisions.decide(choice);
    },
  };
}
