import { factsOf } from '../contracts/events.ts';
import type { Inspection } from '../contracts/inspections.ts';
import { lotKey } from '../contracts/lot-id.ts';
import type { AnyDraft } from '../platform/db/door.ts';

type StateEvent = 'inspection.started' | 'inspection.waiting' | 'inspection.cancelled';

/** The event of a change of state, with the state after it. */
export function stateEvent(type: StateEvent, of: Inspection): AnyDraft {
  return { type, site: of.site, key: lotKey(of), aggregate: { type: 'inspection', id: of.id, version: of.version }, payload: factsOf(of) };
}
