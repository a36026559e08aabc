import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMay } from '../../api/context.ts';
import { useReads } from '../../api/use-reads.ts';
import { useNavigate, useSearch } from '../../app/router.ts';
import { Failed, Notice, Skeleton } from '../../parts/notice.tsx';
import { useFormats } from '../../words/index.ts';
import { ErrorBar, UndoBar } from './bars.tsx';
import { Desk } from './desk.tsx';
import { QueueList } from './queue-list.tsx';
import type { ReviewSearch } from './search.ts';
import { useAhead } from './use-ahead.ts';
import { useSitting } from './use-sitting.ts';
import '../inspection/inspection.css';
import './review.css';

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
  const navigate = useNavigate();
  const search = useSearch() as ReviewSearch;
  const sitting = useSitting();
  const { open, queue } = sitting;
  const found = open.findIndex((item) => item.inspection.id === search.at);
  const index = Math.max(0, found);
  const item = open[index];
  const at = item?.inspection.id;
  const [said, say] = useState('');

  const change = (next: ReviewSearch) => navigate({ to: '/review', search: next, replace: true });
  const show = (id: string | undefined) => change({ ...(id ? { at: id } : {}), ...(search.mode ? { mode: search.mode } : {}) });
  useEffect(() => {
    if (at && at !== search.at) show(at);
  });
  useAhead(open, index);

  // What had the focus may have gone with its board: the next board takes it, so that a screen reader stays on the desk.
  const desk = useRef<HTMLElement>(null);
  const before = useRef(at);
  useEffect(() => {
    if (before.current === at) return;
    before.current = at;
    if (document.activeElement === document.body || document.activeElement === null) desk.current?.focus({ preventScroll: true });
  }, [at]);

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
        <p className={item ? 'review-left' : 'quiet'}>
          {item
            ? t('review.left', { count: open.length, shown: `${format.whole(open.length)}${queue.data?.has_more ? '+' : ''}` })
            : t('review.nothing_left')}
        </p>
        <UndoBar waiting={sitting.waiting} onUndo={undo} />
      </header>
      <p className="sr" aria-live="polite">
        {item ? said : t('review.empty')}
      </p>
      <ErrorBar error={sitting.error} onClose={sitting.clearError} />
      <section ref={desk} className={`review-desk${item ? '' : ' cleared'}`} tabIndex={-1} aria-label={t('review.desk')}>
        {item ? (
          <>
            <Desk
              key={item.inspection.id}
              item={item}
              place={{ index: index + 1, count: open.length }}
              full={full.data?.id === at ? full.data : undefined}
              decided={sitting.decided}
              mode={search.mode ?? 'four'}
              onMode={(mode) => change({ ...(at ? { at } : {}), ...(mode === 'four' || mode === 'side' ? {} : { mode }) })}
              onDecide={(choice, last) => {
                if (last) show(open[index + 1]?.inspection.id ?? open[index - 1]?.inspection.id);
                sitting.decide(choice, last);
              }}
              onGo={go}
              onLeave={() => navigate({ to: '/' })}
              onSay={say}
            />
            <QueueList open={open} at={at} onShow={show} />
          </>
        ) : (
          <Notice shape="pass" title={t('review.empty')}>
            <p>{t('review.empty_means')}</p>
          </Notice>
        )}
      </section>
    </div>
  );
}
