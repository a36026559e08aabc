import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import { serverNow } from '../../api/clock.ts';
import { usePlatform } from '../../api/context.ts';
import { useEvents } from '../../api/live.ts';
import type { Page } from '../../api/reads.ts';
import { useNow } from '../../parts/age.tsx';
import { forget, HOUR, hear, type Line, settle, take } from './line.ts';

/** Read at the start of the page at most; where an hour holds more, the wall says since when it counts. */
const MOST = 2_000;
/** The wall is drawn at most once in this many ms, however many stations report. */
const CALM = 800;

export function useLine() {
  const { api } = usePlatform();
  const line = useRef<Line>(new Map());
  const timer = useRef(0);
  const [version, draw] = useState(0);
  const [since, setSince] = useState<number | null>(null);

  const soon = () => {
    timer.current ||= window.setTimeout(() => {
      timer.current = 0;
      forget(line.current, serverNow());
      draw((count) => count + 1);
    }, CALM);
  };
  useEffect(
    () => () => {
      window.clearTimeout(timer.current);
      // Else a wall that is shown again takes it for one that still runs, and is never drawn.
      timer.current = 0;
    },
    [],
  );
  // On a quiet line no event comes, and the hour moves on all the same.
  const minute = useNow(60_000);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each minute, whatever else was drawn
  useEffect(soon, [minute]);
  useEvents((event) => {
    if (hear(line.current, event)) soon();
  });

  const first = useQuery({
    queryKey: ['wall'],
    staleTime: 0,
    gcTime: 0,
    queryFn: async ({ signal }) => {
      const began = serverNow();
      const from = new Date(began - HOUR).toISOString();
      async function read(filter: object) {
        const ids = new Set<string>();
        let cursor: string | undefined;
        let oldest: string | null = null;
        do {
          const page: Page<Inspection> = await api.json('/v1/inspections', { query: { ...filter, limit: 100, cursor }, signal });
          for (const inspection of page.data) {
            take(line.current, inspection);
            ids.add(inspection.id);
          }
          oldest = page.data.at(-1)?.created_at ?? oldest;
          cursor = page.has_more ? (page.next_cursor ?? undefined) : undefined;
          soon();
        } while (cursor && ids.size < MOST);
        return { ids, oldest, whole: cursor === undefined };
      }
      const hour = await read({ from });
      setSince(hour.whole || !hour.oldest ? null : Date.parse(hour.oldest));
      // A board that waits since before the hour waits at its station all the same.
      const waiting = await read({ status: 'awaiting_review', to: from });
      if (waiting.whole) settle(line.current, waiting.ids, began);
      return hour.ids.size;
    },
  });
  return { line: line.current, version, since, first };
}
