import { useTranslation } from 'react-i18next';
import type { Rate } from '../../../src/contracts/monitoring.ts';
import { useFormats } from '../words/index.ts';

interface RateRangeProps {
  rate: Rate;
  /** Said while nothing was counted: unknown is not zero. */
  none: string;
  /** Right end of the bar, 0 to 1, the same for all that stand under each other. */
  top: number;
}

/** A rate as its interval with its denominator: a wide range says that little was counted. */
export function RateRange({ rate, none, top }: RateRangeProps) {
  const { t } = useTranslation();
  const format = useFormats();
  const { value, low, high, n, count } = rate;
  if (value === null || low === null || high === null) return <span className="quiet">{none}</span>;
  const place = (share: number) => `${Math.min(100, (share / top) * 100)}%`;
  return (
    <span className="rate-range">
      <span className="share-bar" aria-hidden="true">
        <span className="share-bar-range" style={{ left: place(low), right: `calc(100% - ${place(high)})` }} />
        <span className="share-bar-value" style={{ left: place(value) }} />
      </span>
      <span className="share-words">
        {t('quality.range_of', {
          percent: format.percent(value, n),
          low: format.percent(low, n),
          high: format.percent(high, n),
          count: format.whole(count),
          n: format.whole(n),
        })}
      </span>
    </span>
  );
}

/** Where bars end that are to be compared: the highest bound in tenths, never above the whole. */
export function topOf(rates: readonly Rate[]): number {
  const highest = Math.max(0, ...rates.map(({ high }) => high ?? 0));
  return highest === 0 ? 1 : Math.min(1, Math.ceil(highest * 10) / 10);
}
