import { useTranslation } from 'react-i18next';
import { useFormats } from '../../words/index.ts';
import type { Minute } from './line.ts';

const HEIGHT = 64;

/** One bar a minute. A pass is grey; what failed stands on top in red, what waits in amber, each with its own pattern in the key. */
export function HourStrip({ minutes, since }: { minutes: readonly Minute[]; since: number | null }) {
  const { t } = useTranslation();
  const format = useFormats();
  const total = (key: 'pass' | 'fail' | 'waiting' | 'running') => minutes.reduce((sum, minute) => sum + minute[key], 0);
  const most = Math.max(4, ...minutes.map(({ pass, fail, waiting, running }) => pass + fail + waiting + running));
  const scale = HEIGHT / most;
  const clock = (at: number) => format.time(new Date(at).toISOString()).slice(0, 5);
  const words = t('wall.strip_words', { pass: total('pass'), fail: total('fail'), waiting: total('waiting'), running: total('running') });
  return (
    <section className="panel strip" aria-label={t('wall.strip')}>
      <header>
        <h2>{t('wall.strip')}</h2>
        <span className="quiet">{words}</span>
        {since ? <span className="quiet">{t('wall.since', { time: clock(since) })}</span> : null}
        <span className="quiet strip-most">{t('wall.most_a_minute', { count: most })}</span>
      </header>
      <svg viewBox={`0 0 600 ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={words}>
        {minutes.map(({ start, pass, fail, waiting, running }, i) => {
          const bars: [string, number][] = [
            ['strip-pass', pass],
            ['strip-running', running],
            ['strip-waiting', waiting],
            ['strip-fail', fail],
          ];
          let top = HEIGHT;
          return (
            <g key={start}>
              <title>{`${clock(start)}: ${t('wall.strip_words', { pass, fail, waiting, running })}`}</title>
              <rect x={i * 10} y="0" width="9" height={HEIGHT} fill="transparent" />
              {bars.map(([look, count]) => {
                const height = count * scale;
                top -= height;
                return count > 0 ? <rect key={look} className={look} x={i * 10 + 0.5} y={top} width="8.5" height={height} /> : null;
              })}
            </g>
          );
        })}
      </svg>
      <footer className="strip-axis quiet">
        {[0, 15, 30, 45].map((i) => (
          <span key={i}>{clock(minutes[i]?.start ?? 0)}</span>
        ))}
        <span>{t('wall.now')}</span>
      </footer>
    </section>
  );
}
