import type { InspectionFilter } from '../../api/reads.ts';

/** Filters in the order in which their chips stand. Anything else in the address is left out. */
export const FILTERS = [
  'status',
  'verdict',
  'inspection_type',
  'lot_id',
  'chip_id',
  'station_id',
  'from',
  'to',
] as const satisfies readonly (keyof InspectionFilter)[];
export type FilterName = (typeof FILTERS)[number];
export type InspectionsSearch = InspectionFilter & { at?: string };

export function inspectionsSearch(raw: Record<string, unknown>): InspectionsSearch {
  const search: InspectionsSearch = {};
  for (const name of [...FILTERS, 'at'] as const) {
    const value = raw[name];
    if (typeof value === 'string' && value !== '') search[name] = value;
  }
  return search;
}

export function filterOf({ at: _at, ...filter }: InspectionsSearch): InspectionFilter {
  return filter;
}

/** Whether a new inspection would stand in the list. */
export function matches(
  filter: InspectionFilter,
  facts: { lot_id: string; chip_id: string; station_id: string | null; inspection_type: string; status: string; verdict: string | null },
): boolean {
  return (
    (['lot_id', 'chip_id', 'station_id', 'inspection_type', 'status', 'verdict'] as const).every(
      (name) => !filter[name] || filter[name] === facts[name],
    ) && !filter.to
  );
}
