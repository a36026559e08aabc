import { sql } from 'kysely';
import type { DriftFeature, DriftFigures, DriftReport, DriftState, StationDrift } from '../contracts/monitoring.ts';
import type { Reads } from '../platform/db/database.ts';
import { FALSE_CALL_LIMIT } from './false-calls.ts';
import { FEATURES, KINDS } from './features.ts';
import type { MonitoringTables } from './tables.ts';
import { currentOf, indexOf, mixOf, TERMS, type Watch, type Window } from './watch.ts';

export interface DriftAsked {
  model: string;
  /** '*': all. */
  site: string;
  station: string | null;
}

/** Stations and versions that one report shows: those with an open alarm first, then those that were heard of last. */
const MOST = 500;
/** A station or a version that was silent for so long is not in use; it is shown while an alarm of it waits for an answer. */
const SILENT_MS = 30 * 86_400_000;

interface OpenAlarm {
  id: string;
  detector: string;
  feature: DriftFeature | null;
}

const meanOf = (sums: { n: number; sum: number } | undefined): number | null => (sums ? sums.sum / sums.n : null);

function figuresOf(watch: Watch, current: Window, feature: DriftFeature, open: readonly OpenAlarm[]): DriftFigures {
  const of = watch.baseline?.features[feature];
  const index = indexOf(watch, current, feature);
  const cusum = of && KINDS[feature].cusum ? (watch.state.cusum[feature] ?? { up: 0, down: 0 }) : null;
  const state: DriftState = open.some((alarm) => alarm.feature === feature) ? 'alarm' : of ? 'ok' : 'learning';
  return {
    feature,
    state,
    baseline_mean: of?.mean ?? null,
    baseline_sigma: of?.sigma ?? null,
    current_mean: meanOf(current.sums[feature]),
    psi: index?.value ?? null,
    psi_limit: KINDS[feature].cusum ? null : (index?.limit ?? null),
    cusum_up: cusum?.up ?? null,
    cusum_down: cusum?.down ?? null,
    cusum_limit: cusum ? TERMS.h : null,
    edges: of?.edges ?? [],
    baseline: of?.bins ?? [],
    current: current.bins[feature] ?? new Array<number>(of?.bins.length ?? 0).fill(0),
  };
}

function shownWatch(
  row: { site: string; station_id: string; version: number; baselineBoards: number },
  watch: Watch,
  open: readonly OpenAlarm[],
): StationDrift {
  const { baseline, state } = watch;
  const current = currentOf(state);
  const { falseCalls } = state;
  const mix = mixOf(watch, current);
  const learnt = state.learning;
  return {
    site: row.site,
    station_id: row.station_id,
    version: row.version,
    state: open.length > 0 ? 'alarm' : baseline ? 'ok' : 'learning',
    boards: state.boards,
    baseline: baseline
      ? { n: baseline.n, from: baseline.from, to: baseline.to }
      : { n: learnt.length, from: learnt[0]?.at ?? null, to: learnt.at(-1)?.at ?? null },
    baseline_size: row.baselineBoards,
    current: { n: current.n, from: current.from, to: current.to },
    features: FEATURES.map((feature) => figuresOf(watch, current, feature, open)),
    mix: {
      psi: mix?.value ?? null,
      limit: mix?.limit ?? null,
      word: mix && (mix.value < mix.limit ? 'same mix' : 'mix differs: not judged'),
    },
    calls_per_board: { baseline: baseline?.features.calls?.mean ?? null, current: meanOf(current.sums.calls) },
    false_calls: {
      state: open.some(({ detector }) => detector === 'false_calls') ? 'alarm' : falseCalls.rate === null ? 'learning' : 'ok',
      reviewed: falseCalls.reviewed,
      rejected: falseCalls.rejected,
      baseline_rate: falseCalls.rate,
      cusum: falseCalls.rate === null ? null : falseCalls.sum,
      cusum_limit: FALSE_CALL_LIMIT,
    },
    open_alarms: open.map(({ id }) => id),
  };
}

/** How each station in use looks now against its baseline; stations by name, the newest version first. */
export async function readDrift(on: Reads<MonitoringTables>, asked: DriftAsked, baselineBoards: number): Promise<DriftReport> {
  const { model, site, station } = asked;
  let watches = on.selectFrom('monitoring.station_watch').selectAll().where('model', '=', model);
  let alarms = on.selectFrom('monitoring.drift_alarm').selectAll().where('model', '=', model).where('state', '=', 'open');
  if (site !== '*') [watches, alarms] = [watches.where('site', '=', site), alarms.where('site', '=', site)];
  if (station !== null) [watches, alarms] = [watches.where('station_id', '=', station), alarms.where('station_id', '=', station)];
  const alarmed = sql<boolean>`EXISTS (SELECT FROM monitoring.drift_alarm a WHERE a.state = 'open' AND a.site = station_watch.site
    AND a.station_id = station_watch.station_id AND a.model = station_watch.model AND a.version = station_watch.version)`;
  const rows = await on
    .selectFrom(
      watches
        .where(({ or, eb }) => or([eb('updated_at', '>=', new Date(Date.now() - SILENT_MS)), alarmed]))
        .orderBy(alarmed, 'desc')
        .orderBy('updated_at', 'desc')
        .limit(MOST)
        .as('shown'),
    )
    .selectAll()
    .orderBy('site')
    .orderBy('station_id')
    .orderBy('version', 'desc')
    .execute();
  const open = await alarms.orderBy('id').execute();
  const stations = rows.map(({ baseline, state, ...row }) => {
    const own = open.filter((alarm) => alarm.site === row.site && alarm.station_id === row.station_id && alarm.version === row.version);
    return shownWatch({ ...row, baselineBoards }, { baseline, state }, own);
  });
  return { model, stations };
}
