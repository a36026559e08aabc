import { useTranslation } from 'react-i18next';
import type { ReviewItem } from '../../../../src/contracts/review.ts';
import { ButtonLink } from '../../app/button-link.tsx';
import { Link } from '../../app/link.tsx';
import { Age } from '../../parts/age.tsx';
import { Mark } from '../../parts/marks.tsx';
import { reasonWords, whyOf } from '../../parts/reason.ts';
import { Tail } from '../../parts/tail.tsx';
import { useFormats } from '../../words/index.ts';
import type { Needs } from './headline.tsx';

const SHOWN = 6;

/** Held lots first, then waiting boards, worst first: as the review queue orders them. */
export function NeedsAPerson({ items, held, waiting, more, known }: Needs & { items: readonly ReviewItem[] | null }) {
  const { t } = useTranslation();
  const format = useFormats();
  const nothing = known && held.length === 0 && waiting === 0 && (items?.length ?? 0) === 0;
  return (
    <section className="panel" aria-labelledby="needs">
      <header>
        <h2 id="needs">{t('wall.needs')}</h2>
        {items && items.length > 0 ? <ButtonLink target={{ to: '/review' }}>{t('wall.start_review')}</ButtonLink> : null}
      </header>
      {nothing ? <p className="quiet">{t('wall.needs_nothing')}</p> : null}
      <ul className="needs">
        {held.slice(0, 3).map((lot) => (
          <li key={`${lot.site} ${lot.lot_id}`}>
            <span className="tone-wrong">
              <Mark shape="held" />
            </span>
            <Link to="/lots/$lotId" params={{ lotId: lot.lot_id }} search={{ site: lot.site }}>
              {lot.lot_id}
            </Link>
            <span className="needs-why">{reasonWords(t, lot.reason) ?? t('lot_state.held')}</span>
            <Age at={lot.decided_at} />
          </li>
        ))}
        {(items ?? []).slice(0, SHOWN - Math.min(3, held.length)).map((item) => (
          <li key={`${item.kind} ${item.inspection.id}`}>
            <span className="tone-person">
              <Mark shape="waiting" />
            </span>
            <Link to="/inspections/$id" params={{ id: item.inspection.id }}>
              <Tail>{item.inspection.chip_id}</Tail>
            </Link>
            <span className="needs-why">{whyOf(t, item)}</span>
            <Age at={item.waiting_since} />
          </li>
        ))}
      </ul>
      {!items && waiting > 0 ? (
        <p>
          <Link to="/inspections" search={{ status: 'awaiting_review' }}>
            {t('wall.waiting', { count: waiting, shown: `${format.whole(waiting)}${more ? '+' : ''}` })}
          </Link>
        </p>
      ) : null}
    </section>
  );
}
