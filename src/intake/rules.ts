import type { InspectionCreate } from '../contracts/inspections.ts';
import { isPrintable, lotIdFault } from '../contracts/lot-id.ts';
import type { Caller } from '../contracts/permissions.ts';
import type { ProblemDetail } from '../contracts/problems.ts';
import { beginningOf } from '../platform/problem.ts';

/** What the plant knows of its sites and stations, as far as the rules ask. */
export interface PlantFacts {
  /** Whole-string pattern of the site, or the platform's. */
  lotIdPattern(site: string): RegExp;
  /** The site of a known station. */
  siteOf(stationId: string): string | undefined;
}

/** An accepted body: what becomes the record, before id and attempt. */
export interface Accepted {
  site: string;
  station_id: string | null;
  lot_id: string;
  chip_id: string;
  inspection_type: InspectionCreate['inspection_type'];
  priority: number;
  station_metadata: Record<string, unknown>;
  /** What the station claims; UTC. */
  inspected_at: string | null;
  station_epoch: number | null;
  station_sequence: number | null;
}

/** How far a station's clock may run ahead, and how long a station may have been cut off (milliseconds). */
const AHEAD_MS = 5 * 60_000;
const BEHIND_MS = 400 * 86_400_000;

/** Bytes of `station_metadata` as JSON. */
export const METADATA_LIMIT = 64 * 1024;
/** PostgreSQL's jsonb holds neither U+0000 nor half a surrogate pair; well-formed JSON.stringify writes both as escapes. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89ab][0-9a-f]{2}|d[c-f][0-9a-f]{2})/;

const detail = (field: string, message: string, constraint: string, value?: unknown): ProblemDetail => ({
  field,
  message,
  constraint,
  ...(value === undefined ? {} : { invalid_value: typeof value === 'string' ? beginningOf(value) : value }),
});

interface Place {
  site: string;
  stationId: string | null;
}

/** Whose record it is: the token's station and site; a person's, who has no station, may name one of the plant. */
function placeOf(caller: Caller, claimed: string | null, plant: PlantFacts): Place | ProblemDetail {
  const field = 'body -> station_metadata -> station_id';
  if (caller.stationId !== null) {
    if (claimed !== null && claimed !== caller.stationId)
      return detail(field, `This token belongs to station ${caller.stationId}`, 'station', claimed);
    return { site: caller.site, stationId: caller.stationId };
  }
  const site = claimed === null ? undefined : plant.siteOf(claimed);
  if (caller.site === '*') {
    if (site === undefined || claimed === null)
      return detail(field, 'Name a known station: a caller who sees every site has no site of their own', 'station', claimed ?? undefined);
    return { site, stationId: claimed };
  }
  if (site !== undefined && site !== caller.site)
    return detail(field, 'This station belongs to another site', 'station', claimed ?? undefined);
  return { site: caller.site, stationId: site === undefined ? null : claimed };
}

/** A leap second has the form of a time and is none for us. */
function inspectedAtFault(text: string, time: number, now: number): ProblemDetail | null {
  const field = 'body -> inspected_at';
  if (Number.isNaN(time)) return detail(field, 'This is no time', 'format', text);
  if (time > now + AHEAD_MS) return detail(field, 'This lies more than 5 minutes ahead of the server', 'future', text);
  if (time < now - BEHIND_MS) return detail(field, 'This is more than 400 days ago', 'age', text);
  return null;
}

/** When the station looked, and its number. */
function judgeClaims({ inspected_at, station_epoch, station_sequence }: InspectionCreate, caller: Caller, now: number): ProblemDetail[] {
  const faults: ProblemDetail[] = [];
  const late = inspected_at === undefined ? null : inspectedAtFault(inspected_at, Date.parse(inspected_at), now);
  if (late) faults.push(late);
  if (station_sequence === undefined) {
    if (station_epoch !== undefined) faults.push(detail('body -> station_epoch', 'An epoch goes with a station_sequence', 'sequence'));
  } else if (caller.stationId === null)
    faults.push(
      detail('body -> station_sequence', 'Only a station counts its inspections: this token is none’s', 'station', station_sequence),
    );
  return faults;
}

/**
 * The rules of an inspection that its shape cannot say: pure, and the same for one, for a batch and for a stream. Every broken rule is told at once.
 * Source: ADR-001, InspectionCreate (upper-cased before the pattern is held to it; an omitted priority is 5, so thermal must state one).
 */
export function judgeCreate(body: InspectionCreate, caller: Caller, plant: PlantFacts, now = Date.now()): Accepted | ProblemDetail[] {
  const faults: ProblemDetail[] = [];
  const metadata = (body.station_metadata ?? {}) as Record<string, unknown>;
  const text = JSON.stringify(metadata);
  if (Buffer.byteLength(text) > METADATA_LIMIT)
    faults.push(detail('body -> station_metadata', `Station metadata may have ${METADATA_LIMIT} bytes as JSON`, 'maxBytes'));
  else if (text.includes('\\u') && UNSTORABLE.test(text))
    faults.push(detail('body -> station_metadata', 'U+0000 and lone surrogates are not text', 'characters'));

  const said: unknown = metadata.station_id ?? null;
  const claimed = typeof said === 'string' ? said : null;
  if (said !== null && claimed === null)
    faults.push(detail('body -> station_metadata -> station_id', 'A station id is a text', 'type', said));
  const place = faults.length > 0 ? null : placeOf(caller, claimed, plant);
  if (place !== null && 'field' in place) faults.push(place);

  const lotId = body.lot_id.toUpperCase();
  const site = place !== null && 'site' in place ? place.site : caller.site;
  const lotFault = lotIdFault(lotId, plant.lotIdPattern(site));
  if (lotFault) faults.unshift(detail('body -> lot_id', lotFault.message, lotFault.constraint, lotId));
  if (!isPrintable(body.chip_id)) faults.push(detail('body -> chip_id', 'Identifiers hold no control characters', 'characters'));
  const priority = body.priority ?? 5;
  if (body.inspection_type === 'thermal' && priority < 7)
    faults.push(detail('body', 'Thermal inspections require priority >= 7', 'thermal_priority', priority));
  if (body.inspected_at !== undefined || body.station_sequence !== undefined || body.station_epoch !== undefined)
    faults.push(...judgeClaims(body, caller, now));
  if (faults.length > 0 || place === null || 'field' in place) return faults;
  return {
    site: place.site,
    station_id: place.stationId,
    lot_id: lotId,
    chip_id: body.chip_id,
    inspection_type: body.inspection_type,
    priority,
    station_metadata: metadata,
    inspected_at: body.inspected_at === undefined ? null : new Date(body.inspected_at).toISOString(),
    station_epoch: body.station_sequence === undefined ? null : (body.station_epoch ?? 0),
    station_sequence: body.station_sequence ?? null,
  };
}
