import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useMay, usePlatform } from '../../api/context.ts';
import { artifactPath } from '../../api/pictures.ts';
import { useReads } from '../../api/use-reads.ts';
import { useNavigate, useSearch } from '../../app/router.ts';
import { imageOf } from '../../board/thumbnail.tsx';
import { Failed, Notice, Skeleton } from '../../parts/notice.tsx';
import { useFormats } from '../../words/index.ts';
import { ErrorBar, UndoBar } from './bars.tsx';
import { Bench } from './bench.tsx';
import type { ReviewSearch } from './search.ts';
import { useSitting } from './use-sitting.ts';
import '../inspection/inspection.css';
import './review.css';

/** How many boards ahead are read while one is looked at. */
const AHEAD = 3;

export function ReviewPage() {
  const { t } = useTranslation();
  const may = useMay('defects:review');
  if (!may) {
    return (
      <Notice shape="cancelled" title={t('problem.forbidden.title')}>
        <p>{t('review.forbidden')}</p>
      </Notice>
    );
  }
  return <Sitting />;
}

function Sitting() {
  const { t } = useTranslation();
  const format = useFormats();
  const reads = useReads();
  const queries = useQueryClient();
  const { pictures } = usePlatform();
  const navigate = useNavigate();
  const search = useSearch() as ReviewSearch;
  const sitting = useSitting();
  const { open, queue } = sitting;
  const found = open.findIndex((item) => item.inspection.id === search.at);
  const index = Math.max(0, found);
  const item = open[index];
  const at = item?.inspection.id;

  const change = (next: ReviewSearch) => navigate({ to: '/review', search: next, replace: true });
  const show = (id: string | undefined) => change({ ...(id ? { at: id } : {}), ...(search.mode ? { mode: search.mode } : {}) });
  useEffect(() => {
    if (at && at !== search.at) show(at);
  });

  const ahead = open
    .slice(index + 1, index + 1 + AHEAD)
    .map((next) => next.inspection.id)
    .join(' ');
  useEffect(() => {
    const releases: (() => void)[] = [];
    let gone = false;
    for (const id of ahead.split(' ').filter(Boolean)) {
      void queries.fetchQuery({ ...reads.inspection(id), staleTime: 60_000 }).then(
        (inspection) => {
          const image = imageOf(inspection.artifacts);
          if (!image || gone) return;
          const { url, release } = pictures.hold(artifactPath(image));
          url.catch(() => undefined);
          releases.push(release);
        },
        () => undefined,
      );
    }
    return () => {
      gone = true;
      for (const release of releases) release();
    };
  }, [ahead, queries, reads, pictures]);

  const full = useQuery({ ...reads.inspection(at ?? ''), enabled: at !== undefined });
  const go = (by: number) => show(open[(index + by + open.length) % open.length]?.inspection.id);
  const undo = () => {
    const choice = sitting.undo();
    if (choice) show(choice.inspection);
  };

  if (queue.isPending) return <Skeleton rows={2} height={320} />;
  if (queue.isError && !queue.data) return <Failed error={queue.error} retry={() => void queue.refetch()} />;
  return (
    <div className="review">
      <header className="review-head">
        <h1>{t('page.review')}</h1>
        <p className={item ? 'review-left' : 'quiet'} aria-live="polite">
          {item
            ? t('review.left', { count: open.length, shown: `${format.whole(open.length)}${queue.data?.has_more ? '+' : ''}` })
            : t('review.nothing_left')}
        </p>
      </header>
      <ErrorBar error={sitting.error} onClose={sitting.clearError} />
      {item ? (
        <Bench
          key={item.inspection.id}
          item={item}
          full={full.data?.id === at ? full.data : undefined}
          decided={sitting.decided}
          mode={search.mode ?? 'inspected'}
          onMode={(mode) => change({ ...(at ? { at } : {}), ...(mode === 'inspected' ? {} : { mode }) })}
          onDecide={(choice, last) => {
            if (last) show(open[index + 1]?.inspection.id ?? open[index - 1]?.inspection.id);
            sitting.decide(choice, last);
          }}
          onUndo={undo}
          onGo={go}
        />
      ) : (
        <Notice shape="pass" title={t('review.empty')}>
          <p>{t('review.empty_means')}</p>
        </Notice>
      )}
      <UndoBar waiting={sitting.waiting} onUndo={undo} />
    </div>
  );
}
