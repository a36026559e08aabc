/** How long the heading of a page that is still being read is waited for, ms. */
const PATIENCE = 5_000;

/**
 * Puts the focus on the heading of what is shown now, where a keyboard and a screen reader go on. Until a page has its heading its frame holds the focus;
 * a person who has moved on meanwhile is not called back.
 */
export function focusHeading(): void {
  const main = document.getElementById('main');
  if (!main) return;
  main.focus({ preventScroll: true });
  const waiting = new MutationObserver(() => take());
  const stop = window.setTimeout(() => waiting.disconnect(), PATIENCE);
  function take(): void {
    const heading = main?.querySelector<HTMLElement>('h1');
    if (document.activeElement === main && !heading) return;
    waiting.disconnect();
    window.clearTimeout(stop);
    if (document.activeElement !== main || !heading) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
  waiting.observe(main, { childList: true, subtree: true });
  take();
}
