/** What `Date.now()` lacks to the platform's time, ms: 0 as long as the clock of this browser may be right. */
let offset = 0;

/** The time of the platform, ms since 1970: what it says of its records is compared with this and not with the clock of the screen, which may be wrong. */
export const serverNow = (): number => Date.now() + offset;

/**
 * An answer's `Date` is cut to the second and was written between `sent` and `received` (both ms of this browser's clock), which leaves a span in which
 * the offset lies. What is known is kept as long as it lies within, and moved no farther than into it: a slow answer changes nothing.
 */
export function offsetBy(known: number, date: number, sent: number, received: number): number {
  return Math.min(date + 1000 - sent, Math.max(date - received, known));
}

/** Hears the `Date` of an answer that no cache gave. */
export function hearDate(text: string | null, sent: number): void {
  const date = Date.parse(text ?? '');
  if (!Number.isNaN(date)) offset = offsetBy(offset, date, sent, Date.now());
}
