import type { AnchorHTMLAttributes, MouseEvent } from 'react';
import { hrefOf, type Target, type To } from './addresses.ts';
import { loadPage } from './pages.ts';
import { go, usePlace } from './router.ts';

type Rest = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href'> & {
  /** Marks the link of the page that is shown, or of the list that it belongs to. */
  nav?: boolean;
};

/** A real link: it can be opened in a new tab, copied and reached by keyboard; a plain click stays in the page. */
export function Link<T extends To>({ to, params, search, nav, onClick, ...rest }: Target<T> & Rest) {
  const place = usePlace();
  const href = hrefOf({ to, params, search });
  const here = nav && place.to !== null && (to === '/' ? place.to === '/' : place.to.startsWith(to));
  function follow(event: MouseEvent<HTMLAnchorElement>): void {
    onClick?.(event);
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(href);
    window.scrollTo({ top: 0 });
  }
  return <a href={href} onClick={follow} onPointerEnter={() => void loadPage(to)} aria-current={here ? 'page' : undefined} {...rest} />;
}
