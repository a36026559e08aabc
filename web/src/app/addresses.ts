import { type InspectionSearch, inspectionSearch } from '../pages/inspection/search.ts';
import { type InspectionsSearch, inspectionsSearch } from '../pages/inspections/search.ts';
import { type LotSearch, type LotsSearch, lotSearch, lotsSearch } from '../pages/lots/search.ts';
import { type ModelSearch, modelSearch } from '../pages/model/search.ts';
import { type ReviewSearch, reviewSearch } from '../pages/review/search.ts';

type Nothing = Record<never, never>;
/** Every address of the dashboard, with what stands in its path and behind its question mark. */
export interface Addresses {
  '/': { params: Nothing; search: Nothing };
  '/inspections': { params: Nothing; search: InspectionsSearch };
  '/inspections/$id': { params: { id: string }; search: InspectionSearch };
  '/units/$chipId': { params: { chipId: string }; search: Nothing };
  '/lots': { params: Nothing; search: LotsSearch };
  '/lots/$lotId': { params: { lotId: string }; search: LotSearch };
  '/review': { params: Nothing; search: ReviewSearch };
  '/models': { params: Nothing; search: Nothing };
  '/models/$name': { params: { name: string }; search: ModelSearch };
}
export type To = keyof Addresses;

/** What is typed into the address bar is held to what the page knows; the rest is left out. */
const READ: { [T in To]: (raw: Record<string, string>) => Addresses[T]['search'] } = {
  '/': () => ({}),
  '/inspections': inspectionsSearch,
  '/inspections/$id': inspectionSearch,
  '/units/$chipId': () => ({}),
  '/lots': lotsSearch,
  '/lots/$lotId': lotSearch,
  '/review': reviewSearch,
  '/models': () => ({}),
  '/models/$name': modelSearch,
};

export type Target<T extends To = To> = {
  to: T;
  search?: Addresses[T]['search'];
} & (keyof Addresses[T]['params'] extends never ? { params?: never } : { params: Addresses[T]['params'] });

export function hrefOf({ to, params, search }: { to: To; params?: object | undefined; search?: object | undefined }): string {
  const path = to.replace(/\$(\w+)/g, (_, name: string) => encodeURIComponent(String((params as Record<string, string>)[name])));
  const pairs = Object.entries(search ?? {}).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return pairs.length > 0 ? `${path}?${new URLSearchParams(pairs)}` : path;
}

export interface Place {
  to: To | null;
  params: Record<string, string>;
  search: object;
}

function paramsOf(pattern: string[], parts: string[]): Record<string, string> | null {
  if (pattern.length !== parts.length) return null;
  const params: Record<string, string> = {};
  for (const [i, name] of pattern.entries()) {
    const part = parts[i]!;
    if (name.startsWith('$') && part) params[name.slice(1)] = decodeURIComponent(part);
    else if (name !== part) return null;
  }
  return params;
}

/** Which page an address means; null for an address of no page. A broken percent sign is no page either. */
export function placeOf(path: string, query: string): Place {
  const parts = path.replace(/(.)\/+$/, '$1').split('/');
  try {
    for (const to of Object.keys(READ) as To[]) {
      const params = paramsOf(to.split('/'), parts);
      if (params) return { to, params, search: READ[to](Object.fromEntries(new URLSearchParams(query))) };
    }
  } catch {}
  return { to: null, params: {}, search: {} };
}
