import { useTranslation } from 'react-i18next';
import { useLiveState } from '../api/live.ts';
import { useNow } from '../parts/age.tsx';
import { Mark } from '../parts/marks.tsx';
import { useFormats } from '../words/index.ts';

export function LiveMark() {
  const { t } = useTranslation();
  const { state } = useLiveState();
  return (
    <span className={`live-mark ${state === 'offline' ? 'tone-person' : 'quiet'}`} title={t(`live.${state}_means`)}>
      <Mark shape={state === 'live' ? 'running' : state === 'connecting' ? 'pending' : 'waiting'} />
      <span>{t(`live.${state}`)}</span>
    </span>
  );
}

/** Shown while the stream is away: what is on the screen stays, and is told to be old. */
export function LiveBand() {
  const { t } = useTranslation();
  const { state, since } = useLiveState();
  const format = useFormats();
  const now = useNow(60_000);
  if (state !== 'offline') return null;
  return (
    <p className="offline-band" role="status">
      <Mark shape="waiting" /> {t('live.band', { time: format.clock(new Date(since).toISOString(), now) })}
    </p>
  );
}
