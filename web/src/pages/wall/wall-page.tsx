import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { serverNow } from '../../api/clock.ts';
import { useMay, useMe } from '../../api/context.ts';
import { useReads } from '../../api/use-reads.ts';
import { useNow } from '../../parts/age.tsx';
import { Near } from '../../parts/near.tsx';
import { Failed, Notice, Skeleton } from '../../parts/notice.tsx';
import { Headline } from './headline.tsx';
import { cutAt, stripOf, tilesOf } from './line.ts';
import { NeedsAPerson } from './needs.tsx';
import { NewestFails } from './newest-fails.tsx';
import { NotRead } from './not-read.tsx';
import { HourStrip } from './strip.tsx';
import { StationTile } from './tile.tsx';
import { useLine } from './use-line.ts';
import './wall.css';

/** One glance: is anything wrong, where, since when? */
export function WallPage() {
  const { t } = useTranslation();
  const me = useMe();
  const reads = useReads();
  const stations = useQuery({ ...reads.stations(), enabled: useMay('masterdata:read') });
  const held = useInfiniteQuery(reads.lots({ state: 'held' }, 20));
  const mayReview = useMay('defects:review');
  const review = useQuery({ ...reads.review(), enabled: mayReview });
  const others = useQuery({ ...reads.waiting(), enabled: !mayReview });
  const { line, version, since: countedSince, first } = useLine();
  const minute = useNow(60_000);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the line is one map that changes in place, `version` tells when
  const tiles = useMemo(() => tilesOf(line, stations.data ?? [], serverNow(), countedSince), [line, version, stations.data, countedSince]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above; a new minute moves the strip
  const minutes = useMemo(() => stripOf(line, serverNow()), [line, version, minute]);

  const heldLots = held.data?.pages.flatMap((page) => page.data) ?? [];
  const heldNames = new Set(heldLots.map((lot) => `${lot.site} ${lot.lot_id}`));
  const queue = mayReview ? review : others;
  // One meaning for everyone: boards without a verdict. They come first in the queue, before looks that hold up none.
  const items = review.data?.data ?? [];
  const waiting = items.filter(({ kind }) => kind === 'waiting');
  const since = mayReview ? waiting.map((item) => item.waiting_since) : others.data?.data.map((inspection) => inspection.updated_at);
  const more = mayReview ? review.data?.has_more === true && waiting.length === items.length : (others.data?.has_more ?? false);
  const needs = {
    held: heldLots,
    moreHeld: held.hasNextPage,
    waiting: since?.length ?? 0,
    more,
    // Of a part of the queue the oldest is not the oldest of all.
    oldest: more ? undefined : since?.sort()[0],
    looks: items.length - waiting.length,
    moreLooks: review.data?.has_more ?? false,
    known: held.data !== undefined && queue.data !== undefined,
  };
  if (first.isError && line.size === 0) return <Failed error={first.error} retry={() => void first.refetch()} />;
  return (
    <div className="wall">
      <h1 className="sr">{t('page.wall')}</h1>
      <Headline {...needs} mayReview={mayReview} />
      <NotRead
        reads={[
          ['held', held],
          ['waiting', queue],
          ['stations', stations],
          ['hour', first],
        ]}
      />
      <section className="tiles" aria-label={t('wall.stations')}>
        {tiles.length === 0 && first.isPending ? <Skeleton rows={4} height={168} /> : null}
        {tiles.length === 0 && first.isSuccess ? (
          <Notice shape="open" title={t('wall.empty')}>
            <p>{t('wall.empty_means')}</p>
          </Notice>
        ) : null}
        {tiles.map((tile) => (
          <Near key={tile.key} className="tile-place">
            <StationTile tile={tile} showSite={me.site === '*'} held={heldNames.has(`${tile.site} ${tile.last?.lot}`)} />
          </Near>
        ))}
      </section>
      <HourStrip minutes={minutes} since={cutAt(countedSince, minute)} />
      <div className="wall-foot">
        <NeedsAPerson {...needs} items={review.data?.data ?? null} />
        <NewestFails />
      </div>
    </div>
  );
}
