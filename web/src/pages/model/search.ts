import type { QualityBy } from '../../../../src/contracts/monitoring.ts';

const TABS = { quality: true, comparison: true, recipes: true, drift: true } as const;
/** `versions` is the first page of a model and has no word in the address. */
export type ModelTab = 'versions' | keyof typeof TABS;
const BY: Record<QualityBy, true> = { class: true, station: true, recipe: true, version: true, site: true };
const DAYS = { 1: true, 7: true, 30: true } as const;

export interface ModelSearch {
  tab?: keyof typeof TABS;
  /** How the quality figures are grouped; by class when left out. */
  by?: QualityBy;
  /** Days back that figures are counted over; everything when left out. */
  days?: '1' | '7' | '30';
}

const known = (table: object, value: unknown): value is string => typeof value === 'string' && Object.hasOwn(table, value);

export function modelSearch({ tab, by, days }: Record<string, unknown>): ModelSearch {
  return {
    ...(known(TABS, tab) ? { tab: tab as keyof typeof TABS } : {}),
    ...(known(BY, by) && by !== 'class' ? { by: by as QualityBy } : {}),
    ...(known(DAYS, days) ? { days: days as '1' | '7' | '30' } : {}),
  };
}

export const TAB_NAMES: readonly ModelTab[] = ['versions', 'quality', 'comparison', 'recipes', 'drift'];
export const QUALITY_GROUPS: readonly QualityBy[] = ['class', 'station', 'recipe', 'version'];
