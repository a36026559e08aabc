import type { DriftAcknowledge, DriftAlarm } from '../contracts/monitoring.ts';
import type { Caller } from '../contracts/permissions.ts';
import type { Cause, Decided, Door } from '../platform/db/door.ts';
import { ProblemError } from '../platform/problem.ts';
import { shownAlarm } from './alarms.ts';
import type { AlarmRow, MonitoringTables } from './tables.ts';
import { forgive, newWatch } from './watch.ts';
import { loadWatch, saveWatch } from './watch-store.ts';

/**
 * A person has seen an alarm and says what is to be done with the baseline.
 * @throws ProblemError not_found, precondition_failed, transition_not_allowed
 */
export async function acknowledgeAlarm(
  door: Door,
  cause: Cause,
  caller: Caller,
  id: string,
  said: DriftAcknowledge,
  judgeVersion: (current: number) => void,
): Promise<DriftAlarm> {
  return await door.change<MonitoringTables, DriftAlarm>(cause, async (tx): Promise<Decided<DriftAlarm>> => {
    const known = await tx.selectFrom('monitoring.drift_alarm').selectAll().where('id', '=', id).executeTakeFirst();
    // The station's lock first, as where alarms are raised.
    const watch = known ? await loadWatch(tx, known) : null;
    const alarm = await tx.selectFrom('monitoring.drift_alarm').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
    if (!watch || !alarm || (caller.site !== '*' && caller.site !== alarm.site)) throw new ProblemError('not_found');
    judgeVersion(alarm.record_version);
    if (alarm.state !== 'open') throw new ProblemError('transition_not_allowed', { detail: 'The alarm is acknowledged already' });
    const relearn = said.relearn ?? false;
    const row: AlarmRow = await tx
      .updateTable('monitoring.drift_alarm')
      .set({
        state: 'acknowledged',
        acknowledged_by: caller.name,
        acknowledged_at: new Date(),
        note: said.note,
        relearn,
        record_version: alarm.record_version + 1,
      })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow();
    if (relearn) await saveWatch(tx, alarm, newWatch(), true);
    else {
      forgive(watch, alarm);
      await saveWatch(tx, alarm, watch, false);
    }
    const body = shownAlarm(row);
    return {
      result: body,
      events: [],
      audit: [
        {
          action: 'drift.alarm_acknowledged',
          site: alarm.site,
          object: { type: 'drift_alarm', id },
          old: { state: alarm.state },
          new: { state: row.state, relearn, station_id: row.station_id, feature: row.feature },
          reason: said.note,
        },
      ],
      answer: { status: 200, body },
    };
  });
}
