import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import type { ReviewItem } from '../../../../src/contracts/review.ts';
import { usePlatform } from '../../api/context.ts';
import { artifactPath, heatPath } from '../../api/pictures.ts';
import { useReads } from '../../api/use-reads.ts';
import { imageOf } from '../../board/thumbnail.tsx';

/** How many boards ahead are read while one is looked at. */
const AHEAD = 3;

function picturesOf(inspection: Inspection): string[] {
  const run = inspection.inference?.at(-1);
  return [
    ...[imageOf(inspection.artifacts), imageOf(inspection.artifacts, 'reference')].flatMap((one) => (one ? [artifactPath(one)] : [])),
    ...(run && inspection.inspection_type === 'visual' ? [heatPath(run.operation_id)] : []),
  ];
}

/** Reads the records and pictures of the boards that come next, so that a decision is followed by the next board at once. */
export function useAhead(open: readonly ReviewItem[], index: number): void {
  const reads = useReads();
  const queries = useQueryClient();
  const { pictures } = usePlatform();
  const ahead = open
    .slice(index + 1, index + 1 + AHEAD)
    .map(({ inspection }) => inspection.id)
    .join(' ');
  useEffect(() => {
    const releases: (() => void)[] = [];
    let gone = false;
    for (const id of ahead.split(' ').filter(Boolean)) {
      void queries.fetchQuery({ ...reads.inspection(id), staleTime: 60_000 }).then(
        (inspection) => {
          for (const path of gone ? [] : picturesOf(inspection)) {
            const { url, release } = pictures.hold(path);
            url.catch(() => undefined);
            releases.push(release);
          }
        },
        () => undefined,
      );
    }
    return () => {
      gone = true;
      for (const release of releases) release();
    };
  }, [ahead, queries, reads, pictures]);
}
