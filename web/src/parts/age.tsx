import { useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { serverNow } from '../api/clock.ts';
import { ageOf, NONE } from '../figures/numbers.ts';
import { useFormats } from '../words/index.ts';

/** One clock for all ages on a page: that of the platform. */
const watchers = new Set<() => void>();
let now = serverNow();
let timer = 0;

function watch(changed: () => void): () => void {
  watchers.add(changed);
  if (!timer) {
    now = serverNow();
    timer = window.setInterval(() => {
      now = serverNow();
      for (const watcher of watchers) watcher();
    }, 1000);
  }
  return () => {
    watchers.delete(changed);
    if (watchers.size === 0) {
      window.clearInterval(timer);
      timer = 0;
    }
  };
}

/** Ms since 1970, rounded down to `step`: a component is drawn again only when its step passes. */
export function useNow(step = 1000): number {
  return useSyncExternalStore(watch, () => Math.floor(now / step) * step);
}

export function useAge(at: string | number | null | undefined): string {
  const { t } = useTranslation();
  const then = typeof at === 'string' ? Date.parse(at) : at;
  const text = useSyncExternalStore(watch, () => {
    if (then == null) return NONE;
    const { unit, count } = ageOf(then, Math.max(now, serverNow() - 1000));
    return `${unit} ${count}`;
  });
  if (text === NONE) return NONE;
  const [unit, count] = text.split(' ') as [ReturnType<typeof ageOf>['unit'], string];
  return t(`age.${unit}`, { count: Number(count) });
}

/** Since when something stands, which an age (“11 min ago”) would not say. */
export function Since({ at }: { at: string }) {
  const { t } = useTranslation();
  const format = useFormats();
  const day = useNow(60_000);
  return (
    <time dateTime={at} title={format.moment(at)}>
      {t('age.since', { time: format.clock(at, day) })}
    </time>
  );
}

export function Age({ at }: { at: string | null | undefined }) {
  const format = useFormats();
  const text = useAge(at);
  return at ? (
    <time dateTime={at} title={format.moment(at)}>
      {text}
    </time>
  ) : (
    <span>{NONE}</span>
  );
}
