import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { ReviewItem } from '../../../../src/contracts/review.ts';
import { ApiProblem } from '../../api/client.ts';
import { useReads } from '../../api/use-reads.ts';
import { itemOf, type Stand, type Stood, standOf } from './stand.ts';

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Where the person stands in the queue. Whether a board that the queue no longer shows still waits is read from its record. */
export function useStand(at: string | undefined, open: readonly ReviewItem[], settled: ReadonlySet<string>) {
  const reads = useReads();
  const [last, setLast] = useState<Stood | null>(null);
  const stand = standOf(at, open, last, settled);
  const off = at !== undefined && ID.test(at) && (stand.state === 'left' || stand.state === 'unknown');
  const { data, error, isPending, isFetching, refetch } = useQuery({ ...reads.inspection(at ?? ''), enabled: off });
  const waits = useMemo(() => (off && data?.id === at ? itemOf(data) : null), [off, data, at]);
  const now: Stand = waits ? { state: 'beyond', item: waits, index: stand.state === 'left' ? stand.index : 0 } : stand;
  const shown = now.state === 'open' || now.state === 'beyond' ? now : null;
  if (shown && (last?.item !== shown.item || last.index !== shown.index)) setLast({ item: shown.item, index: shown.index });
  // A record that does not exist, or not for this person, does not wait for them; one that cannot be read may.
  const missing = error instanceof ApiProblem && error.status === 404;
  return {
    stand: now,
    looking: off && !waits && (isPending || isFetching),
    unread: off && !data && error && !missing ? error : null,
    readAgain: () => void refetch(),
  };
}
