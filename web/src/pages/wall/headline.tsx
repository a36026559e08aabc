import { useTranslation } from 'react-i18next';
import type { Lot } from '../../../../src/contracts/masterdata.ts';
import { Link } from '../../app/link.tsx';
import { useAge } from '../../parts/age.tsx';
import { Mark } from '../../parts/marks.tsx';
import { useFormats } from '../../words/index.ts';

/** What is wrong, in one line to be read from two metres; a calm line when nothing is. */
export function Headline({
  held,
  waiting,
  more,
  oldest,
  ready,
}: {
  held: readonly Lot[];
  waiting: number;
  more: boolean;
  oldest: string | undefined;
  ready: boolean;
}) {
  const { t } = useTranslation();
  const format = useFormats();
  const age = useAge(oldest);
  if (!ready) return <p className="headline quiet">{t('act.loading')}</p>;
  if (held.length === 0 && waiting === 0) {
    return (
      <p className="headline">
        <Mark shape="pass" />
        {t('wall.all_normal')}
      </p>
    );
  }
  return (
    <p className="headline">
      {held.length > 0 ? (
        <Link to="/lots" search={{ state: 'held' }} className="tone-wrong">
          <Mark shape="held" />
          {held.length === 1
            ? t('wall.lot_held', { lot: held[0]!.lot_id, time: format.time(held[0]!.decided_at).slice(0, 5) })
            : t('wall.lots_held', { count: held.length })}
        </Link>
      ) : null}
      {waiting > 0 ? (
        <Link to="/review" className="tone-person">
          <Mark shape="waiting" />
          {t('wall.waiting', { count: waiting, shown: `${format.whole(waiting)}${more ? '+' : ''}` })}
          {oldest ? <small>{t('wall.oldest', { age })}</small> : null}
        </Link>
      ) : null}
    </p>
  );
}
