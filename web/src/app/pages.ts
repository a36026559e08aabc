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

const pages = new Map<To, LazyExoticComponent<ComponentType>>();

/** The page of an address. One that did not arrive is asked for again the next time. */
export function pageAt(to: To): LazyExoticComponent<ComponentType> {
  const known = pages.get(to);
  if (known) return known;
  const page = lazy(() =>
    LOAD[to]().catch((error: unknown) => {
      pages.delete(to);
      throw error;
    }),
  );
  pages.set(to, page);
  return page;
}

/** Reads a page ahead of a click; a failure is told when the page is really wanted. */
export const loadPage = (to: To) => LOAD[to]().catch(() => undefined);

/** Reads all of them, so that a break of the connection leaves every page there. */
export async function loadPages(): Promise<void> {
  for (const to of Object.keys(LOAD) as To[]) await loadPage(to);
}
