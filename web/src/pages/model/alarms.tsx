import { Button, Checkbox } from '@mantine/core';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { DriftAlarm } from '../../../../src/contracts/monitoring.ts';
import { useMay, usePlatform } from '../../api/context.ts';
import { acknowledge } from '../../api/model-changes.ts';
import { useModelReads } from '../../api/model-reads.ts';
import { Age } from '../../parts/age.tsx';
import { StateMark } from '../../parts/marks.tsx';
import { MoreFailed } from '../../parts/more-failed.tsx';
import { Failed } from '../../parts/notice.tsx';
import { ReasonDialog } from '../../parts/reason-dialog.tsx';
import { useFormats } from '../../words/index.ts';

/** Stations that moved away from how they look when all is well, those that nobody has answered first. */
export function Alarms({ model }: { model: string }) {
  const { t } = useTranslation();
  const reads = useModelReads();
  const { data, error, refetch, hasNextPage, isFetchNextPageError, fetchNextPage } = useInfiniteQuery(reads.alarms(model));
  if (!data && error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return null;
  const alarms = data.pages.flatMap((page) => page.data);
  return (
    <section className="panel" aria-labelledby="drift-alarms">
      <h2 id="drift-alarms">{t('drift.alarms')}</h2>
      {alarms.length === 0 ? <p className="quiet">{t('drift.no_alarms')}</p> : null}
      <ul className="drift-alarms">
        {alarms.map((alarm) => (
          <Alarm key={alarm.id} alarm={alarm} />
        ))}
      </ul>
      {isFetchNextPageError ? (
        <MoreFailed error={error} retry={() => void fetchNextPage()} />
      ) : hasNextPage ? (
        <Button onClick={() => void fetchNextPage()}>{t('list.more')}</Button>
      ) : null}
    </section>
  );
}

/** What the detector saw, in the reader's language; `why` of the record is that of the audit trail. */
function useAlarmWords({ detector, direction, value, limit, baseline_mean, current_mean }: DriftAlarm): string {
  const { t } = useTranslation();
  const format = useFormats();
  const figures = {
    now: format.value(current_mean, 3),
    before: format.value(baseline_mean, 3),
    value: format.value(value, 3),
    limit: format.value(limit, 3),
  };
  return t(detector === 'cusum' ? `drift.why_${direction ?? 'up'}` : `drift.why_${detector}`, figures);
}

function Alarm({ alarm }: { alarm: DriftAlarm }) {
  const { t } = useTranslation();
  const { api } = usePlatform();
  const queries = useQueryClient();
  const may = useMay('inference:manage');
  const [asking, ask] = useState(false);
  const [relearn, setRelearn] = useState(false);
  const words = useAlarmWords(alarm);
  const open = alarm.state === 'open';
  return (
    <li>
      <StateMark shape={open ? 'waiting' : 'pass'} tone={open ? 'person' : 'normal'} word={t(`drift.alarm_state_${alarm.state}`)} />
      <strong>{alarm.station_id}</strong>
      <span>
        {alarm.feature === null ? '' : `${t(`drift.feature_${alarm.feature}`)}, `}
        {t(`drift.detector_${alarm.detector}`)}
        {alarm.direction === null ? '' : alarm.direction === 'up' ? ' ↑' : ' ↓'}
      </span>
      <span className="quiet">
        {t('model.version_short', { version: alarm.version })} · <Age at={alarm.raised_at} />
      </span>
      <span className="alarm-why">
        {words}
        {alarm.acknowledged_by === null ? null : (
          <small className="quiet"> {t('drift.seen_by', { by: alarm.acknowledged_by, note: alarm.note ?? '' })}</small>
        )}
      </span>
      {open && may ? (
        <Button aria-label={t('drift.acknowledge_of', { station: alarm.station_id })} onClick={() => ask(true)}>
          {t('drift.acknowledge')}
        </Button>
      ) : null}
      {asking ? (
        <ReasonDialog
          title={t('drift.acknowledge_title', { station: alarm.station_id })}
          means={words}
          act={t('drift.acknowledge')}
          label={t('drift.note')}
          maxLength={1000}
          send={async (note, key) => {
            try {
              await acknowledge(api, alarm, note, relearn, key);
            } finally {
              void queries.invalidateQueries({ queryKey: ['models', alarm.model] });
            }
          }}
          onClose={() => ask(false)}
        >
          <Checkbox label={t('drift.relearn')} checked={relearn} onChange={(event) => setRelearn(event.currentTarget.checked)} />
          <p className="quiet">{relearn ? '' : t('drift.mended')}</p>
        </ReasonDialog>
      ) : null}
    </li>
  );
}
