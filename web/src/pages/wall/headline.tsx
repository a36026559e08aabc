import { useTranslation } from 'react-i18next';
import type { Lot } from '../../../../src/contracts/masterdata.ts';
import { Link } from '../../app/link.tsx';
import { useAge, useNow } from '../../parts/age.tsx';
import { Mark } from '../../parts/marks.tsx';
import { useFormats } from '../../words/index.ts';

/** Where those go who may see what waits, but not decide it. */
const WAITING = { to: '/inspections', search: { status: 'awaiting_review' } } as const;

export interface Needs {
  held: readonly Lot[];
  /** There are more held lots than these. */
  moreHeld: boolean;
  waiting: number;
  more: boolean;
  oldest: string | undefined;
  /** Looks that are asked for at boards that have their verdict. */
  looks: number;
  moreLooks: boolean;
  /** Held lots and what waits were both read: only then nothing there means nothing. */
  known: boolean;
}

/** What is wrong, in one line to be read from two metres; a calm line when it is known that nothing is. */
export function Headline({ held, moreHeld, waiting, more, oldest, looks, moreLooks, known, mayReview }: Needs & { mayReview: boolean }) {
  const { t } = useTranslation();
  const format = useFormats();
  const age = useAge(oldest);
  const now = useNow(60_000);
  const asked =
    looks > 0 ? (
      <Link to="/review">
        <small>{t('wall.looks', { count: looks, shown: `${format.whole(looks)}${moreLooks ? '+' : ''}` })}</small>
      </Link>
    ) : null;
  if (held.length === 0 && waiting === 0) {
    if (!known) return <p className="headline quiet">{t('wall.not_known')}</p>;
    return (
      <p className="headline">
        <Mark shape="pass" />
        {t(looks > 0 ? 'wall.none_waits' : 'wall.all_normal')}
        {asked}
      </p>
    );
  }
  return (
    <p className="headline">
      {held.length > 0 ? (
        <Link to="/lots" search={{ state: 'held' }} className="tone-wrong">
          <Mark shape="held" />
          {held.length === 1
            ? t('wall.lot_held', { lot: held[0]!.lot_id, time: format.clock(held[0]!.decided_at, now) })
            : t('wall.lots_held', { count: held.length, shown: `${format.whole(held.length)}${moreHeld ? '+' : ''}` })}
        </Link>
      ) : null}
      {waiting > 0 ? (
        <Link {...(mayReview ? { to: '/review' } : WAITING)} className="tone-person">
          <Mark shape="waiting" />
          {t('wall.waiting', { count: waiting, shown: `${format.whole(waiting)}${more ? '+' : ''}` })}
          {oldest ? <small>{t('wall.oldest', { age })}</small> : null}
        </Link>
      ) : null}
      {asked}
    </p>
  );
}
