import { SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ReviewItem, ReviewKind } from '../../../../src/contracts/review.ts';
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
import { placeOf, useSitting } from './use-sitting.ts';
import '../inspection/inspection.css';
import './review.css';

const KINDS = ['all', 'waiting', 'severity', 'disagreement', 'audit', 'repeat'] as const;

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
  const sitting = useSitting(search.kind);
  const { open, queue } = sitting;
  const found = open.findIndex((one) => placeOf(one) === search.at);
  const index = Math.max(0, found);
  const item = open[index];
  const at = item ? placeOf(item) : undefined;
  const id = item?.inspection.id;
  const [said, say] = useState('');

  const change = (next: (now: ReviewSearch) => ReviewSearch) => navigate({ to: '/review', search: next, replace: true });
  const show = (place: string | undefined) => change(({ at: _at, ...rest }) => (place ? { ...rest, at: place } : rest));
  const showItem = (one: ReviewItem | undefined) => show(one && placeOf(one));
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

  const full = useQuery({ ...reads.inspection(id ?? ''), enabled: id !== undefined });
  const go = (by: number) => showItem(open[(index + by + open.length) % open.length]);
  const undo = () => {
    const choice = sitting.undo();
    if (choice) show(choice.item);
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
        <SegmentedControl
          className="no-print review-kinds"
          aria-label={t('review.kinds')}
          value={search.kind ?? 'all'}
          onChange={(kind) => navigate({ to: '/review', search: kind === 'all' ? {} : { kind: kind as ReviewKind }, replace: true })}
          data={KINDS.map((value) => ({ value, label: t(`review.kind_${value}`) }))}
        />
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
              key={at}
              item={item}
              place={{ index: index + 1, count: open.length }}
              full={full.data?.id === id ? full.data : undefined}
              decided={sitting.decided}
              mode={search.mode ?? 'four'}
              onMode={(mode) => change(({ mode: _mode, ...rest }) => (mode === 'four' || mode === 'side' ? rest : { ...rest, mode }))}
              onDecide={(choice, last) => {
                if (last) showItem(open[index + 1] ?? open[index - 1]);
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
