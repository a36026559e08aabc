/** A pattern held against the whole string, whether or not it brings its own anchors. @throws SyntaxError when it is no pattern */
export function wholePattern(source: string): RegExp {
  return new RegExp(`^(?:${source})$`, 'v');
}

/** Control characters, and halves of surrogate pairs, which no barcode holds and no database keeps. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
export const isPrintable = (text: string): boolean => !/[\u0000-\u001f\u007f-\u009f]/.test(text) && text.isWellFormed();

/** What is wrong with a lot identifier that is upper-cased already; the words are those of ADR-001. `null`: nothing. */
export function lotIdFault(lotId: string, pattern: RegExp): { message: string; constraint: string } | null {
  if (!lotId.startsWith('LOT-')) return { message: 'Lot ID must start with LOT-', constraint: 'prefix' };
  if (!isPrintable(lotId) || !pattern.test(lotId))
    return { message: 'Lot ID does not match the pattern of this site', constraint: 'pattern' };
  return null;
}
