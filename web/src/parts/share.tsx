import { useTranslation } from 'react-i18next';
import { NONE } from '../figures/numbers.ts';
import type { Share } from '../figures/wilson.ts';
import { useFormats } from '../words/index.ts';

/** A share always comes with its denominator and its interval. */
export function ShareWords({ share }: { share: Share }) {
  const { t } = useTranslation();
  const format = useFormats();
  if (share.value === null) return <span className="quiet">{NONE}</span>;
  return (
    <span className="share-words">
      {t('figure.of_n', { n: format.whole(share.n) })}
      {', '}
      {format.percent(share.low, share.n)}-{format.percent(share.high, share.n)}
    </span>
  );
}

/** The interval as a bar from 0 to 100 %, the value as a tick: wide bars say that little was measured. */
export function ShareBar({ share, from = 0 }: { share: Share; from?: number }) {
  if (share.value === null) return <span className="share-bar" aria-hidden="true" />;
  const place = (value: number) => `${Math.max(0, ((value - from) / (1 - from)) * 100)}%`;
  return (
    <span className="share-bar" aria-hidden="true">
      <span className="share-bar-range" style={{ left: place(share.low!), right: `calc(100% - ${place(share.high!)})` }} />
      <span className="share-bar-value" style={{ left: place(share.value) }} />
    </span>
  );
}
