import { INSPECTION_STATUSES, INSPECTION_TYPES, VERDICTS } from '../../../../src/contracts/inspections.ts';
import type { InspectionFilter } from '../../api/reads.ts';

/** Filters in the order in which their chips stand. Anything else in the address is left out. */
export const FILTERS = [
  'status',
  'verdict',
  'inspection_type',
  'lot_id',
  'chip_id',
  'station_id',
  'site',
  'from',
  'to',
] as const satisfies readonly (keyof InspectionFilter)[];
export type FilterName = (typeof FILTERS)[number];
export type InspectionsSearch = InspectionFilter & { at?: string };

const among = (words: readonly string[]) => (value: string) => words.includes(value);
const isTime = (value: string) => !Number.isNaN(Date.parse(value));
/** What a filter may say, where not every text is a value of it. */
const KNOWN: Partial<Record<FilterName | 'at', (value: string) => boolean>> = {
  status: among(INSPECTION_STATUSES),
  verdict: among(VERDICTS),
  inspection_type: among(INSPECTION_TYPES),
  from: isTime,
  to: isTime,
};

export function inspectionsSearch(raw: Record<string, unknown>): InspectionsSearch {
  const search: InspectionsSearch = {};
  for (const name of [...FILTERS, 'at'] as const) {
    const value = raw[name];
    if (typeof value === 'string' && value !== '' && (KNOWN[name]?.(value) ?? true)) search[name] = value;
  }
  return search;
}

export function filterOf({ at: _at, ...filter }: InspectionsSearch): InspectionFilter {
  return filter;
}

/** Whether a new inspection would stand in the list. */
export function matches(
  filter: InspectionFilter,
  facts: {
    lot_id: string;
    chip_id: string;
    station_id: string | null;
    site: string;
    inspection_type: string;
    status: string;
    verdict: string | null;
  },
): boolean {
  return (
    (['lot_id', 'chip_id', 'station_id', 'site', 'inspection_type', 'status', 'verdict'] as const).every(
      (name) => !filter[name] || filter[name] === facts[name],
    ) && !filter.to
  );
}
