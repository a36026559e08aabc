/**
 * Numbers of a command's options. A text that is none would make a tool judge or measure nothing and still end well: it ends here, in words and with
 * status 2, as any mistyped option.
 */
function refuse(name: string, text: string, wanted: string): never {
  console.error(`--${name} ${text}: give ${wanted}`);
  process.exit(2);
}

/** A whole number in digits. */
export function wholeOption(name: string, text: string, least = 1): number {
  if (!/^\d{1,15}$/.test(text) || Number(text) < least) refuse(name, text, `a whole number from ${least} on`);
  return Number(text);
}

/** What may have a fraction: seconds, shares, rates. */
export function amountOption(name: string, text: string, { least = 0.01, most = Number.POSITIVE_INFINITY } = {}): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    refuse(name, text, most === Number.POSITIVE_INFINITY ? `a number from ${least} on` : `a number from ${least} to ${most}`);
  return value;
}
