export interface LotsSearch {
  state?: 'open' | 'held' | 'released';
}
export function lotsSearch({ state }: Record<string, unknown>): LotsSearch {
  return state === 'open' || state === 'held' || state === 'released' ? { state } : {};
}

/** Where two sites have a lot of this name, the address says which is meant. */
export interface LotSearch {
  site?: string;
}
export function lotSearch({ site }: Record<string, unknown>): LotSearch {
  return typeof site === 'string' && site ? { site } : {};
}
