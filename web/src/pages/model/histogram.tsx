import { useTranslation } from 'react-i18next';
import { NONE } from '../../figures/numbers.ts';
import { useFormats } from '../../words/index.ts';

const WIDTH = 120;
const HEIGHT = 32;
const shares = (counts: readonly number[]): number[] => {
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (all > 0 ? count / all : 0));
};

/** Two histograms over the same bins, as shares: what is usual as a line, what is now as bars. */
export function Histogram({ baseline, current, label }: { baseline: readonly number[]; current: readonly number[]; label: string }) {
  const usual = shares(baseline);
  const now = shares(current);
  const bins = Math.max(usual.length, now.length);
  const top = Math.max(...usual, ...now, 0);
  if (bins === 0 || top === 0) return <span className="quiet">{NONE}</span>;
  const step = WIDTH / bins;
  const y = (share: number) => HEIGHT - (share / top) * (HEIGHT - 2);
  const line = usual.flatMap((share, i) => [
    `${(i * step).toFixed(1)},${y(share).toFixed(1)}`,
    `${((i + 1) * step).toFixed(1)},${y(share).toFixed(1)}`,
  ]);
  return (
    <svg className="histogram" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {now.map((share, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a bin is its place
        <rect key={i} x={i * step + 0.5} width={Math.max(1, step - 1)} y={y(share)} height={HEIGHT - y(share)} />
      ))}
      <polyline points={line.join(' ')} />
      <path d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
    </svg>
  );
}

/** How far a detector is on its way to its limit, in words and as a bar that ends at twice the limit. */
export function LevelBar({ value, limit }: { value: number; limit: number | null }) {
  const { t } = useTranslation();
  const format = useFormats();
  if (limit === null || limit <= 0) return <span className="number">{format.value(value, 3)}</span>;
  const over = value >= limit;
  return (
    <span className={`level${over ? ' over tone-person' : ''}`}>
      <span className="level-bar" aria-hidden="true">
        <span style={{ width: `${Math.min(100, (value / limit) * 50)}%` }} />
      </span>
      <span className="share-words">{t('drift.of_limit', { value: format.value(value, 2), limit: format.value(limit, 2) })}</span>
    </span>
  );
}
