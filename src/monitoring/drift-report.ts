import type { DriftReport } from '../contracts/monitoring.ts';
import type { Reads } from '../platform/db/database.ts';
import type { MonitoringTables } from './tables.ts';

export interface DriftAsked {
  model: string;
  site: string;
  station: string | null;
}

/** How each station looks now against its baseline. */
export async function readDrift(_on: Reads<MonitoringTables>, { model }: DriftAsked): Promise<DriftReport> {
  return { model, stations: [] };
}
