import { UnstyledButton } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { ReviewItem } from '../../../../src/contracts/review.ts';
import { Age } from '../../parts/age.tsx';
import { whyOf } from '../../parts/reason.ts';
import { placeOf } from './stand.ts';

/** What waits, in the order in which it is worked off, and why. */
export function QueueList({ open, at, onShow }: { open: readonly ReviewItem[]; at: string | undefined; onShow(id: string): void }) {
  const { t } = useTranslation();
  const list = useRef<HTMLOListElement>(null);
  // Keeps the row of the board that is looked at in sight, without moving the page.
  useEffect(() => {
    const row = at ? list.current?.querySelector<HTMLElement>('[aria-current]') : null;
    if (row && list.current) list.current.scrollTop = row.offsetTop - list.current.clientHeight / 2;
  }, [at]);
  return (
    <ol ref={list} className="review-queue" aria-label={t('review.queue')}>
      {open.map((item) => {
        const { chip_id } = item.inspection;
        const id = placeOf(item);
        return (
          <li key={id} className={id === at ? 'selected' : undefined} aria-current={id === at || undefined}>
            <UnstyledButton className="row-link" onClick={() => onShow(id)}>
              {chip_id}
            </UnstyledButton>
            <span className="quiet">
              <Age at={item.waiting_since} />
            </span>
            <span className="queue-why">
              <strong title={t(`review.kind_${item.kind}_means`)}>{t(`review.kind_${item.kind}`)}</strong> {whyOf(t, item)}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
