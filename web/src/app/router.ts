import { useSyncExternalStore } from 'react';
import { type Addresses, hrefOf, type Place, placeOf, type Target, type To } from './addresses.ts';

/** Where the browser is. The address bar is the state; this only reads and writes it. */
const watchers = new Set<() => void>();
let place: Place | null = null;

function read(): Place {
  place ??= placeOf(window.location.pathname, window.location.search);
  return place;
}
function moved(): void {
  place = null;
  for (const watcher of watchers) watcher();
}
function watch(watcher: () => void): () => void {
  if (watchers.size === 0) window.addEventListener('popstate', moved);
  watchers.add(watcher);
  return () => {
    watchers.delete(watcher);
    if (watchers.size === 0) window.removeEventListener('popstate', moved);
  };
}

export const usePlace = () => useSyncExternalStore(watch, read);
/** Parts of the path of the page that is shown. */
export const useParams = () => usePlace().params;
/** What stands behind the question mark, as the page that is shown reads it. */
export const useSearch = () => usePlace().search;

/** Goes to an address. `replace` for what is looked at on a page, so that back leaves the page and not the last zoom. */
export function go(href: string, replace = false): void {
  if (href === window.location.pathname + window.location.search) return;
  if (replace) window.history.replaceState(window.history.state, '', href);
  else window.history.pushState(null, '', href);
  moved();
}

type Move<T extends To> = Omit<Target<T>, 'search'> & {
  /** A function gets what stands there at the moment, however fast moves follow each other. */
  search?: Addresses[T]['search'] | ((now: Addresses[T]['search']) => Addresses[T]['search']);
  replace?: boolean;
};
export function navigate<T extends To>(move: Move<T>): void {
  const { to, params, search, replace } = move as {
    to: To;
    params?: object;
    search?: object | ((now: object) => object);
    replace?: boolean;
  };
  const now = read();
  const next = typeof search === 'function' ? search(now.to === to ? now.search : {}) : search;
  const leaves = now.to !== to;
  go(hrefOf({ to, params, search: next }), replace);
  if (leaves) window.scrollTo({ top: 0 });
}
export const useNavigate = () => navigate;
