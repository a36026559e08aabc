/** That of ADR-001, where neither a site nor LOT_ID_PATTERN says another. */
export const DEFAULT_LOT_ID_PATTERN = '^LOT-\\d{4}-\\d{3}$';

/**
 * A pattern held against the whole string, whether or not it brings its own anchors. By the flag `v`, which knows `\p{Lu}`; where that takes an ordinary pattern
 * such as `LOT\-\d+` or `[A-Z0-9-]` for an error, by the plain grammar. @throws SyntaxError when it is no pattern by either
 */
export function wholePattern(source: string): RegExp {
  const whole = `^(?:${source})$`;
  try {
    return new RegExp(whole, 'v');
  } catch {
    return new RegExp(whole);
  }
}

const DEFAULT_SOURCE = wholePattern(DEFAULT_LOT_ID_PATTERN).source;

/** What a site's lots are held to: its own pattern, or the platform's where it has none or one that is no pattern (`fault`). */
export function sitePattern(own: string | null, platform: RegExp): { pattern: RegExp; fault: string | null } {
  if (own !== null) {
    try {
      return { pattern: wholePattern(own), fault: null };
    } catch (error) {
      return { pattern: wholePattern(platform.source), fault: (error as Error).message };
    }
  }
  return { pattern: wholePattern(platform.source), fault: null };
}

/** Control characters, and halves of surrogate pairs, which no barcode holds and no database keeps. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
export const isPrintable = (text: string): boolean => !/[\u0000-\u001f\u007f-\u009f]/.test(text) && text.isWellFormed();

/** What is wrong with a lot identifier that is upper-cased already; the words are those of ADR-001, the prefix is one of its own pattern alone. `null`: nothing. */
export function lotIdFault(lotId: string, pattern: RegExp): { message: string; constraint: string } | null {
  if (isPrintable(lotId) && pattern.test(lotId)) return null;
  if (pattern.source === DEFAULT_SOURCE && !lotId.startsWith('LOT-'))
    return { message: 'Lot ID must start with LOT-', constraint: 'prefix' };
  return { message: 'Lot ID does not match the pattern of this site', constraint: 'pattern' };
}

/** A lot over all sites: the key of its events, by which a bus keeps their order. */
export const lotKey = (of: { site: string; lot_id: string }): string => `${of.site}/${of.lot_id}`;
