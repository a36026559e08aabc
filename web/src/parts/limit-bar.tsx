import { useTranslation } from 'react-i18next';
import type { Measurement } from '../../../src/contracts/measurements.ts';
import { useFormats } from '../words/index.ts';

type Limited = Pick<Measurement, 'value' | 'lsl' | 'usl' | 'target' | 'unit' | 'in_limits'>;

/** Where a value stands between its limits: 0 in the middle, 1 on a limit, more outside. Null without limits. */
export function strainOf({ value, lsl, usl, target }: Limited): number | null {
  if (lsl !== null && usl !== null && usl > lsl) return Math.abs(value - (lsl + usl) / 2) / ((usl - lsl) / 2);
  const limit = usl ?? lsl;
  if (limit === null) return null;
  const centre = target ?? 0;
  const room = Math.abs(limit - centre) || Math.abs(limit) || 1;
  const over = usl !== null ? value - limit : limit - value;
  return 1 + over / room;
}

/** The measurement nearest to, or farthest beyond, a limit. */
export function worstOf<T extends Limited>(measurements: readonly T[]): T | null {
  return measurements.reduce<T | null>((worst, one) => (!worst || (strainOf(one) ?? -1) > (strainOf(worst) ?? -1) ? one : worst), null);
}

/** Limits a quarter in from the ends, the value as a tick; outside of the limits it is red and says so in words. */
export function LimitBar({ of, small = false }: { of: Limited; small?: boolean }) {
  const { t } = useTranslation();
  const format = useFormats();
  const { value, lsl, usl, target, unit } = of;
  const low = lsl ?? (usl !== null ? Math.min(target ?? 0, usl - Math.abs(usl), value) : null);
  const high = usl ?? (lsl !== null ? Math.max(target ?? lsl * 2, lsl + Math.abs(lsl), value) : null);
  const wrong = of.in_limits === false;
  const words = t(wrong ? 'measure.outside' : of.in_limits === null ? 'measure.unjudged' : 'measure.inside');
  const known = low !== null && high !== null && high > low;
  const place = (at: number) => (known ? Math.min(99, Math.max(1, 20 + ((at - low) / (high - low)) * 60)) : 50);
  return (
    <span className={`limit-bar${wrong ? ' wrong' : ''}${small ? ' small' : ''}`} title={words}>
      <svg viewBox="0 0 100 16" preserveAspectRatio="none" role="img" aria-label={words}>
        <rect className="limit-ground" x="0" y="7" width="100" height="2" />
        {known ? (
          <rect
            className="limit-range"
            x={lsl === null ? 0 : 20}
            y="4"
            width={(usl === null ? 100 : 80) - (lsl === null ? 0 : 20)}
            height="8"
          />
        ) : null}
        {lsl !== null ? <rect className="limit-edge" x="19.5" y="1" width="1" height="14" /> : null}
        {usl !== null ? <rect className="limit-edge" x="79.5" y="1" width="1" height="14" /> : null}
        {target !== null && known ? <rect className="limit-target" x={place(target)} y="4" width=".6" height="8" /> : null}
        <rect className="limit-value" x={place(value) - 1.1} y="1" width="2.2" height="14" />
      </svg>
      {small ? (
        <span className="limit-words">
          {format.value(value, 4)} {unit}
        </span>
      ) : null}
    </span>
  );
}
