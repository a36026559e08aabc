import { useQuery } from '@tanstack/react-query';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import { usePlatform } from '../../api/context.ts';
import { Link } from '../../app/link.tsx';
import { imageOf, Thumbnail } from '../../board/thumbnail.tsx';
import { NONE } from '../../figures/numbers.ts';
import { useAge, useNow } from '../../parts/age.tsx';
import { LimitBar, worstOf } from '../../parts/limit-bar.tsx';
import { Mark, StateMark } from '../../parts/marks.tsx';
import { ShareBar, ShareWords } from '../../parts/share.tsx';
import { InspectionMark } from '../../parts/state.tsx';
import { Tail } from '../../parts/tail.tsx';
import { useFormats } from '../../words/index.ts';
import type { Seen, Tile } from './line.ts';

/** A station that posted nothing for this long is quiet: its figures grey. */
const QUIET = 3 * 60_000;

function Last({ seen }: { seen: Seen }) {
  const { t } = useTranslation();
  const { api } = usePlatform();
  const { data } = useQuery({
    queryKey: ['inspection', seen.id, 'tile'],
    queryFn: ({ signal }) =>
      api.json<Inspection>(`/v1/inspections/${seen.id}`, { query: { include: 'defects,artifacts,measurements' }, signal }),
    staleTime: 10_000,
    placeholderData: (before) => before,
  });
  const measurements = data?.measurements ?? [];
  if (seen.type === 'visual') {
    return (
      <Thumbnail artifact={imageOf(data?.artifacts)} defects={data?.defects ?? []} alt={t('wall.last_picture', { chip: seen.chip })} />
    );
  }
  const worst = worstOf(measurements);
  return (
    <span className="tile-measured">
      {worst ? (
        <>
          <span className="tile-measured-name">{worst.characteristic}</span>
          <LimitBar of={worst} small />
        </>
      ) : null}
    </span>
  );
}

interface TileProps {
  tile: Tile;
  showSite: boolean;
  /** The lot of the last inspection is held. */
  held: boolean;
}

export const StationTile = memo(function StationTile({ tile, showSite, held }: TileProps) {
  const { t } = useTranslation();
  const format = useFormats();
  const now = useNow(10_000);
  const age = useAge(tile.lastPosted);
  const quiet = !tile.lastPosted || now - tile.lastPosted > QUIET;
  return (
    <article className={`tile${quiet ? ' stale' : ''}${held && !quiet ? ' tile-wrong' : tile.waiting > 0 ? ' tile-person' : ''}`}>
      <header>
        <h3>
          <Link to="/inspections" search={{ station_id: tile.key }}>
            {tile.name || t('wall.no_station')}
          </Link>
        </h3>
        <span className="quiet">
          {[showSite ? tile.site : null, tile.line, ...(showSite ? [] : tile.types.map((type) => t(`type.${type}`)))]
            .filter(Boolean)
            .join(' · ')}
        </span>
        <StateMark
          shape={quiet ? 'quiet' : 'running'}
          tone="normal"
          word={tile.lastPosted ? (quiet ? t('wall.quiet', { age }) : t('wall.running', { age })) : t('wall.never')}
        />
      </header>
      <p className="tile-lot">
        {tile.last ? (
          <Link to="/lots/$lotId" params={{ lotId: tile.last.lot }} search={{ site: tile.site }} className={held ? 'tone-wrong' : 'quiet'}>
            {held ? <Mark shape="held" /> : null} {held ? t('wall.tile_held', { lot: tile.last.lot }) : tile.last.lot}
          </Link>
        ) : null}
      </p>
      <div className="tile-body">
        {tile.last ? (
          <Link className="tile-last" to="/inspections/$id" params={{ id: tile.last.id }}>
            <Last seen={tile.last} />
            <InspectionMark
              of={{
                status: tile.last.state === 'awaiting_review' ? 'awaiting_review' : 'completed',
                verdict: tile.last.state as 'pass' | 'fail' | 'inconclusive',
              }}
            />
            <span className="chip-name">
              <Tail>{tile.last.chip}</Tail>
            </span>
          </Link>
        ) : (
          <span className="tile-last tile-nothing">{t('wall.nothing_yet')}</span>
        )}
        <dl className="tile-figures">
          <dt>{t('figure.yield')}</dt>
          <dd className="big">
            {format.percent(tile.yield.value, tile.yield.n)}
            {tile.yield.value === null ? null : <small> %</small>}
          </dd>
          <dd>
            <ShareBar share={tile.yield} />
            <ShareWords share={tile.yield} />
          </dd>
          <dt>{t('figure.posted')}</dt>
          <dd>
            {tile.posted > 0 ? `${format.whole(tile.posted)}${tile.cut ? '+' : ''}` : NONE} <small>/ h</small>
          </dd>
          <dt>{t('figure.waiting')}</dt>
          <dd className={tile.waiting > 0 ? 'tone-person strong' : ''}>{tile.waiting > 0 ? format.whole(tile.waiting) : NONE}</dd>
        </dl>
      </div>
    </article>
  );
}, sameTile);

function sameTile(a: TileProps, b: TileProps): boolean {
  const { tile: x } = a;
  const { tile: y } = b;
  return (
    a.showSite === b.showSite &&
    a.held === b.held &&
    x.key === y.key &&
    x.name === y.name &&
    x.lastPosted === y.lastPosted &&
    x.last?.id === y.last?.id &&
    x.last?.version === y.last?.version &&
    x.yield.hits === y.yield.hits &&
    x.yield.n === y.yield.n &&
    x.posted === y.posted &&
    x.cut === y.cut &&
    x.waiting === y.waiting
  );
}
