import type { AnyEvent } from '../../../../src/contracts/events.ts';
import type { Inspection, InspectionType } from '../../../../src/contracts/inspections.ts';
import type { Station } from '../../../../src/contracts/masterdata.ts';
import { type Share, wilson } from '../../figures/wilson.ts';
import { type InspectionState, stateOf } from '../../parts/inspection-state.ts';

/** One inspection as the wall needs it. */
export interface Seen {
  id: string;
  version: number;
  station: string | null;
  site: string;
  type: InspectionType;
  chip: string;
  lot: string;
  created: number;
  changed: number;
  state: InspectionState;
}

/** The last hour of the line, kept from the lists at first and from events after. */
export type Line = Map<string, Seen>;
export const HOUR = 3_600_000;

export function take(line: Line, inspection: Inspection): void {
  const known = line.get(inspection.id);
  if (known && known.version >= inspection.version) return;
  line.set(inspection.id, {
    id: inspection.id,
    version: inspection.version,
    station: inspection.station_id,
    site: inspection.site,
    type: inspection.inspection_type,
    chip: inspection.chip_id,
    lot: inspection.lot_id,
    created: Date.parse(inspection.created_at),
    changed: Date.parse(inspection.updated_at),
    state: stateOf(inspection),
  });
}

/** When an inspection was posted, ms since 1970: its id is a UUIDv7, which begins with the time. */
const postedAt = (id: string) => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);

/** Answers whether the wall changed. An event older than what is known changes nothing. */
export function hear(line: Line, event: AnyEvent): boolean {
  if (event.aggregate.type !== 'inspection' || !('status' in event.payload)) return false;
  const { payload } = event;
  const known = line.get(payload.inspection_id);
  if (known && known.version >= event.aggregate.version) return false;
  const at = Date.parse(event.occurred_at);
  line.set(payload.inspection_id, {
    id: payload.inspection_id,
    version: event.aggregate.version,
    station: payload.station_id,
    site: event.site,
    type: payload.inspection_type,
    chip: payload.chip_id,
    lot: payload.lot_id,
    created: known?.created ?? postedAt(payload.inspection_id),
    changed: at,
    state: stateOf(payload),
  });
  return true;
}

/**
 * Forgets what no longer waits although the line says so: its event was missed. `waiting` are all that waited at `read` of what was posted more than an
 * hour before it; what began to wait since then is not among them.
 */
export function settle(line: Line, waiting: ReadonlySet<string>, read: number): void {
  for (const [id, { created, changed, state }] of line)
    if (state === 'awaiting_review' && created < read - HOUR && changed < read && !waiting.has(id)) line.delete(id);
}

/** Forgets what was posted more than an hour ago, unless it still waits for a person. */
export function forget(line: Line, now: number): void {
  for (const [id, seen] of line) if (seen.created < now - HOUR && seen.state !== 'awaiting_review') line.delete(id);
}

export interface Tile {
  key: string;
  name: string;
  site: string;
  line: string | null;
  types: readonly InspectionType[];
  lastPosted: number | null;
  /** The newest that is judged or waits for a person. */
  last: Seen | null;
  yield: Share;
  /** Posted in the last hour, as far as it is counted. */
  posted: number;
  /** The hour held more than was read when the page was opened: there may be more than `posted`. */
  cut: boolean;
  waiting: number;
}

const settled = (state: InspectionState) => state === 'pass' || state === 'fail' || state === 'inconclusive' || state === 'awaiting_review';

/** When the count begins, ms since 1970, where that is within the hour; null for a whole hour. */
export const cutAt = (since: number | null, now: number): number | null => (since !== null && since > now - HOUR ? since : null);

/** `since` is when the count begins, ms since 1970; null where the whole hour was read. */
export function tilesOf(line: Line, stations: readonly Station[], now: number, since: number | null = null): Tile[] {
  const cut = cutAt(since, now) !== null;
  const groups = new Map<string, Seen[]>();
  for (const seen of line.values()) {
    const key = seen.station ?? '';
    const group = groups.get(key);
    if (group) group.push(seen);
    else groups.set(key, [seen]);
  }
  const known = new Map(stations.map((station) => [station.station_id, station]));
  return [...new Set([...known.keys(), ...groups.keys()])].map((key) => {
    const group = groups.get(key) ?? [];
    const station = known.get(key);
    const count = (state: InspectionState) => group.reduce((sum, seen) => sum + (seen.state === state ? 1 : 0), 0);
    const pass = count('pass');
    const newest = (of: readonly Seen[]) =>
      of.reduce<Seen | null>((best, seen) => (!best || seen.changed > best.changed ? seen : best), null);
    const posted = group.reduce((latest, seen) => Math.max(latest, seen.created), 0);
    return {
      key,
      name: station?.name ?? key,
      site: station?.site ?? group[0]?.site ?? '',
      line: station?.line ?? null,
      types: station?.inspection_types ?? [...new Set(group.map((seen) => seen.type))],
      lastPosted: posted || (station?.last_seen_at ? Date.parse(station.last_seen_at) : null),
      last: newest(group.filter((seen) => settled(seen.state))),
      yield: wilson(pass, pass + count('fail')),
      posted: group.filter(({ created }) => created >= now - HOUR).length,
      cut,
      waiting: count('awaiting_review'),
    };
  });
}

export interface Minute {
  start: number;
  pass: number;
  fail: number;
  waiting: number;
  running: number;
}

/** The last sixty minutes, oldest first, by when each unit was posted. */
export function stripOf(line: Line, now: number): Minute[] {
  const first = Math.floor(now / 60_000) - 59;
  const minutes = Array.from({ length: 60 }, (_, i): Minute => ({ start: (first + i) * 60_000, pass: 0, fail: 0, waiting: 0, running: 0 }));
  for (const { created, state } of line.values()) {
    const minute = minutes[Math.floor(created / 60_000) - first];
    if (!minute) continue;
    if (state === 'pass') minute.pass++;
    else if (state === 'fail') minute.fail++;
    else if (state === 'awaiting_review' || state === 'inconclusive') minute.waiting++;
    else minute.running++;
  }
  return minutes;
}
