import { sql } from 'kysely';
import type { DriftAlarm } from '../contracts/monitoring.ts';
import type { Reads } from '../platform/db/database.ts';
import { isUuid } from '../platform/id.ts';
import type { AlarmRow, MonitoringTables } from './tables.ts';

/** The record as the API shows it. */
export function shownAlarm(row: AlarmRow): DriftAlarm {
  return { ...row, raised_at: row.raised_at.toISOString(), acknowledged_at: row.acknowledged_at?.toISOString() ?? null };
}

/** Open ones first, then by id (UUIDv7), the newest first. */
export type AlarmPosition = [settled: boolean, id: string];
export const placeOf = (row: AlarmRow): AlarmPosition => [row.state !== 'open', row.id];
export function alarmPosition(value: unknown): AlarmPosition | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [settled, id] = value as unknown[];
  return typeof settled === 'boolean' && typeof id === 'string' && isUuid(id) ? [settled, id] : undefined;
}

export interface AlarmFilter {
  site: string;
  state: string | null;
  station: string | null;
  model: string | null;
}

export async function listAlarms(
  on: Reads<MonitoringTables>,
  of: AlarmFilter,
  behind: AlarmPosition | null,
  limit: number,
): Promise<AlarmRow[]> {
  const { rows } = await sql<AlarmRow>`
    SELECT * FROM monitoring.drift_alarm
    WHERE (${of.site} = '*' OR site = ${of.site})
      AND (${of.state}::text IS NULL OR state = ${of.state})
      AND (${of.station}::text IS NULL OR station_id = ${of.station})
      AND (${of.model}::text IS NULL OR model = ${of.model})
      AND ${
        behind === null
          ? sql`true`
          : sql`((state <> 'open') > ${behind[0]}::boolean OR ((state <> 'open') = ${behind[0]}::boolean AND id < ${behind[1]}::uuid))`
      }
    ORDER BY (state <> 'open'), id DESC LIMIT ${limit}`.execute(on);
  return rows;
}
