import { Button, SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ReviewItem, ReviewKind } from '../../../../src/contracts/review.ts';
import { useMay } from '../../api/context.ts';
import { useReads } from '../../api/use-reads.ts';
import { useKeys } from '../../app/keys.ts';
import { useNavigate, useSearch } from '../../app/router.ts';
import { UndoBar } from '../../decisions/bars.tsx';
import { Failed, Notice, Skeleton } from '../../parts/notice.tsx';
import { useFormats } from '../../words/index.ts';
import { Desk } from './desk.tsx';
import { QueueList } from './queue-list.tsx';
import type { ReviewSearch } from './search.ts';
import { nextAfter, placeOf, stepFrom, takenElsewhere } from './stand.ts';
import { useAhead } from './use-ahead.ts';
import { useSitting } from './use-sitting.ts';
import { useStand } from './use-stand.ts';
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
  const { stand, looking, unread, readAgain } = useStand(search.at, open, sitting.settled);
  const shown = 'item' in stand ? stand : null;
  const item = shown?.item;
  const index = shown?.index ?? -1;
  const at = item ? placeOf(item) : undefined;
  const id = item?.inspection.id;
  const [said, say] = useState('');

  const change = (next: (now: ReviewSearch) => ReviewSearch) => navigate({ to: '/review', search: next, replace: true });
  const show = (place: string | undefined) => change(({ at: _at, ...rest }) => (place ? { ...rest, at: place } : rest));
  const showItem = (one: ReviewItem | undefined) => show(one && placeOf(one));
  useEffect(() => {
    if (at && at !== search.at) show(at);
  });
  // What stands in the address and is nowhere to be found is told; the keys then only lead into the queue.
  const astray = stand.state === 'unknown' && queue.data !== undefined && !looking;
  const lost = astray && !unread;
  // Boards behind what was read of the queue come up by themselves, and are not said to be nothing.
  const more = queue.data?.has_more ?? false;
  const empty = stand.state === 'none' && !more;
  const nothing = search.kind ? t('review.empty_kind', { kind: t(`review.kind_${search.kind}`) }) : t('review.empty');
  useKeys(
    t('page.review'),
    astray
      ? [
          { key: 'j', word: t('review.next'), run: () => go(1) },
          { key: 'Escape', word: t('review.leave'), run: () => navigate({ to: '/' }) },
        ]
      : [],
  );
  useAhead(open, stand.state === 'open' ? index : index - 1);

  // What had the focus may have gone with its board: the next board takes it, so that a screen reader stays on the desk.
  const desk = useRef<HTMLElement>(null);
  const before = useRef(at);
  useEffect(() => {
    if (before.current === at) return;
    before.current = at;
    if (document.activeElement === document.body || document.activeElement === null) desk.current?.focus({ preventScroll: true });
  }, [at]);

  const full = useQuery({ ...reads.inspection(id ?? ''), enabled: id !== undefined });
  const go = (by: number) => showItem(stepFrom(stand, open, by));
  const undo = () => {
    const choice = sitting.undo();
    if (choice) show(choice.item);
  };

  const toQueue = open.length > 0 ? <Button onClick={() => go(1)}>{t('review.to_queue')}</Button> : null;
  if (queue.isPending) return <Skeleton rows={2} height={320} />;
  if (queue.isError && !queue.data) return <Failed error={queue.error} retry={() => void queue.refetch()} />;
  return (
    <div className="review">
      <header className="review-head">
        <h1>{t('page.review')}</h1>
        <p className={open.length > 0 || more ? 'review-left' : 'quiet'}>
          {open.length > 0 || more
            ? t('review.left', { count: open.length, shown: `${format.whole(open.length)}${more ? '+' : ''}` })
            : t(search.kind ? 'review.nothing_left_of' : 'review.nothing_left')}
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
        {item ? said : lost ? t('review.not_waiting') : empty ? nothing : ''}
      </p>
      <section ref={desk} className={`review-desk${item ? '' : ' cleared'}`} tabIndex={-1} aria-label={t('review.desk')}>
        {item ? (
          <>
            <Desk
              key={at}
              item={item}
              gone={
                takenElsewhere(stand, sitting.decided) && !looking
                  ? t(more && (item.kind !== 'waiting' || unread) ? 'review.out_of_list' : 'review.decided_elsewhere')
                  : null
              }
              draft={sitting.draftOf(placeOf(item))}
              onDraft={(change) => sitting.keep(placeOf(item), change)}
              place={stand.state === 'open' ? { index: index + 1, count: open.length } : null}
              full={full.data?.id === id ? full.data : undefined}
              decided={sitting.decided}
              mode={search.mode ?? 'four'}
              onMode={(mode) => change(({ mode: _mode, ...rest }) => (mode === 'four' || mode === 'side' ? rest : { ...rest, mode }))}
              onDecide={(choice, last) => {
                if (last) showItem(nextAfter(stand, open));
                sitting.decide(choice, last);
              }}
              onGo={go}
              onLeave={() => navigate({ to: '/' })}
              onSay={say}
            />
            <QueueList open={open} at={at} onShow={show} />
          </>
        ) : lost ? (
          <Notice shape="open" title={t('review.not_waiting')}>
            <p>{t('review.not_waiting_means')}</p>
            {toQueue}
          </Notice>
        ) : astray ? (
          <>
            <Failed error={unread} retry={readAgain} />
            {toQueue}
          </>
        ) : empty ? (
          <Notice shape={search.kind ? 'open' : 'pass'} title={nothing}>
            <p>{t(search.kind ? 'review.empty_kind_means' : 'review.empty_means')}</p>
            {search.kind ? <Button onClick={() => navigate({ to: '/review', replace: true })}>{t('filter.clear')}</Button> : null}
          </Notice>
        ) : (
          <Skeleton rows={2} height={320} />
        )}
      </section>
    </div>
  );
}
