/** What is shown where nothing is known. */
export const NONE = '-';

/** Numbers, shares and times in the reader's language; made once a language, because formatters are dear. */
export interface Formats {
  whole(value: number | null | undefined): string;
  /** A measured value with the digits that it came with, at most `digits` significant ones. */
  value(value: number | null | undefined, digits?: number): string;
  /** 0..1 as percent without the sign, digits by how much was measured. */
  percent(value: number | null | undefined, n?: number): string;
  /** A model's score, two digits. */
  score(value: number | null | undefined): string;
  time(iso: string | null | undefined): string;
  /** Hour and minute, with the day in front when it is not that of `now` (ms since 1970). */
  clock(iso: string | null | undefined, now: number): string;
  /** Time of day, with its date where that is not the day of `before`: of the step before, or of today. */
  step(iso: string, before: string): string;
  /** Date and time to the second: for tooltips and print. */
  moment(iso: string | null | undefined): string;
  bytes(value: number | null | undefined): string;
}

export function formats(language: string): Formats {
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  const two = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const one = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const time = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
  const moment = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
  const minute = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const dayMinute = new Intl.DateTimeFormat(language, {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const byDigits = new Map<number, Intl.NumberFormat>();
  function significant(digits: number): Intl.NumberFormat {
    const made = byDigits.get(digits) ?? new Intl.NumberFormat(language, { maximumSignificantDigits: digits });
    byDigits.set(digits, made);
    return made;
  }
  const sameDay = (one: Date, other: Date) => one.toDateString() === other.toDateString();
  return {
    whole: (value) => (value == null ? NONE : whole.format(value)),
    value: (value, digits = 6) => (value == null ? NONE : significant(digits).format(value)),
    percent: (value, n = 100) => (value == null ? NONE : (n < 20 ? whole : n < 2000 ? one : two).format(value * 100)),
    score: (value) => (value == null ? NONE : two.format(value)),
    time: (iso) => (iso ? time.format(new Date(iso)) : NONE),
    clock: (iso, now) => (iso ? (sameDay(new Date(iso), new Date(now)) ? minute : dayMinute).format(new Date(iso)) : NONE),
    step: (iso, before) => (sameDay(new Date(iso), new Date(before)) ? time : moment).format(new Date(iso)),
    moment: (iso) => (iso ? moment.format(new Date(iso)) : NONE),
    bytes: (value) =>
      value == null
        ? NONE
        : value < 1024
          ? `${value} B`
          : value < 1024 ** 2
            ? `${one.format(value / 1024)} KiB`
            : `${one.format(value / 1024 ** 2)} MiB`,
  };
}

export type AgeUnit = 'now' | 'seconds' | 'minutes' | 'hours' | 'days';
/** How old something is in the largest unit that says enough; under five seconds is now. A clock that runs ahead is now too. */
export function ageOf(then: number, now: number): { unit: AgeUnit; count: number } {
  const seconds = Math.max(0, Math.floor((now - then) / 1000));
  if (seconds < 5) return { unit: 'now', count: 0 };
  if (seconds < 60) return { unit: 'seconds', count: seconds };
  if (seconds < 3600) return { unit: 'minutes', count: Math.floor(seconds / 60) };
  if (seconds < 48 * 3600) return { unit: 'hours', count: Math.floor(seconds / 3600) };
  return { unit: 'days', count: Math.floor(seconds / 86400) };
}
