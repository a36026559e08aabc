import { type ComponentType, type LazyExoticComponent, lazy } from 'react';
import type { To } from './addresses.ts';

type Loaded = Promise<{ default: ComponentType }>;
/** Each page is a file of its own, read when it is first wanted. */
const LOAD: Record<To, () => Loaded> = {
  '/': async () => ({ default: (await import('../pages/wall/wall-page.tsx')).WallPage }),
  '/inspections': async () => ({ default: (await import('../pages/inspections/inspections-page.tsx')).InspectionsPage }),
  '/inspections/$id': async () => ({ default: (await import('../pages/inspection/inspection-page.tsx')).InspectionPage }),
  '/units/$chipId': async () => ({ default: (await import('../pages/unit/unit-page.tsx')).UnitPage }),
  '/lots': async () => ({ default: (await import('../pages/lots/lots-page.tsx')).LotsPage }),
  '/lots/$lotId': async () => ({ default: (await import('../pages/lots/lot-page.tsx')).LotPage }),
  '/review': async () => ({ default: (await import('../pages/review/review-page.tsx')).ReviewPage }),
  '/models': async () => ({ default: (await import('../pages/models/models-page.tsx')).ModelsPage }),
  '/models/$name': async () => ({ default: (await import('../pages/model/model-page.tsx')).ModelPage }),
};

export const PAGES = Object.fromEntries(Object.entries(LOAD).map(([to, load]) => [to, lazy(load)])) as Record<
  To,
  LazyExoticComponent<ComponentType>
>;
/** Reads a page ahead of a click; a failure is told when the page is really wanted. */
export const loadPage = (to: To) => LOAD[to]().catch(() => undefined);
