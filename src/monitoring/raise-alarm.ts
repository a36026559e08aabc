import { sql } from 'kysely';
import type { DriftFeature } from '../contracts/monitoring.ts';
import type { AnyDraft, AuditDraft } from '../platform/db/door.ts';
import { uuidv7 } from '../platform/id.ts';
import type { AlarmRow } from './tables.ts';
import type { Place, Tx } from './watch-store.ts';

export interface Crossing {
  detector: AlarmRow['detector'];
  feature: DriftFeature | null;
  direction: 'up' | 'down' | null;
  value: number;
  limit: number;
  baseline_mean: number | null;
  current_mean: number | null;
  boards: number;
}

export interface Raised {
  events: AnyDraft[];
  audit: AuditDraft[];
}

const WORDS: Record<DriftFeature, string> = {
  copper_fraction: 'share of copper',
  shift: 'shift against the template',
  residual: 'difference from the template',
  stretch: 'stretch against the template',
  stretch_across: 'stretch across against the template',
  stretch_down: 'stretch down against the template',
  sharpness: 'sharpness',
  best_score: 'best score of a board',
  calls: 'calls a board',
};

const figure = (value: number | null): string => (value === null ? '?' : Number(value.toPrecision(3)).toString());

function wordsOf({ detector, feature, direction, value, limit, baseline_mean, current_mean }: Crossing): string {
  if (detector === 'false_calls')
    return `false calls: ${figure(current_mean)} of the calls reviewed lately, at most ${figure(baseline_mean)} before`;
  const name = feature === null ? '' : WORDS[feature];
  const means = `mean ${figure(current_mean)}, ${figure(baseline_mean)} in the baseline`;
  if (detector === 'psi') return `${name}: spread otherwise than in the baseline, PSI ${figure(value)} from ${figure(limit)} on; ${means}`;
  return `${name}: ${direction === 'up' ? 'higher' : 'lower'} than in the baseline, board after board; ${means}`;
}

/** Tells of what crossed its limit, unless that is told of and nobody has answered yet. */
export async function raiseAlarms(tx: Tx, place: Place, crossings: readonly Crossing[]): Promise<Raised> {
  const raised: Raised = { events: [], audit: [] };
  for (const crossing of crossings) {
    const id = uuidv7();
    const { site, station_id, model, version } = place;
    const { detector, feature, direction, value, limit, baseline_mean, current_mean, boards } = crossing;
    const why = wordsOf(crossing);
    const { numAffectedRows } = await sql`
      INSERT INTO monitoring.drift_alarm
        (id, site, station_id, model, version, feature, detector, direction, value, "limit", baseline_mean, current_mean, boards, why)
      VALUES (${id}, ${site}, ${station_id}, ${model}, ${version}, ${feature}, ${detector}, ${direction}, ${value}, ${limit}, ${baseline_mean},
              ${current_mean}, ${boards}, ${why})
      ON CONFLICT DO NOTHING`.execute(tx);
    if (numAffectedRows !== 1n) continue;
    raised.events.push({
      type: 'drift.alarm_raised',
      site,
      key: `${site}/${station_id}`,
      aggregate: { type: 'drift_alarm', id, version: 1 },
      payload: { alarm_id: id, station_id, model, version, feature, detector, direction, why },
    });
    raised.audit.push({
      action: 'drift.alarm_raised',
      site,
      object: { type: 'drift_alarm', id },
      old: null,
      new: { station_id, model, version, feature, detector, direction, value, limit, boards },
      reason: why,
    });
  }
  return raised;
}
