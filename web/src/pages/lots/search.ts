export interface LotsSearch {
  state?: 'open' | 'held' | 'released';
  /** The selected lot, with its site. */
  at?: string;
}
export function lotsSearch({ state, at }: Record<string, unknown>): LotsSearch {
  return {
    ...(state === 'open' || state === 'held' || state === 'released' ? { state } : {}),
    ...(typeof at === 'string' && at ? { at } : {}),
  };
}
export const placeOfLot = ({ site, lot_id }: { site: string; lot_id: string }) => `${site}/${lot_id}`;

/** The filter of a lot's inspections. Who sees one site needs no word of it. */
export const ofLot = ({ site, lot_id }: { site: string; lot_id: string }, me: { site: string }) =>
  me.site === '*' ? { lot_id, site } : { lot_id };

/** Where two sites have a lot of this name, the address says which is meant. */
export interface LotSearch {
  site?: string;
}
export function lotSearch({ site }: Record<string, unknown>): LotSearch {
  return typeof site === 'string' && site ? { site } : {};
}
