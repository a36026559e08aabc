import { Z95 } from './wilson.ts';

export interface Kappa {
  /** Things that both judged: the denominator. */
  n: number;
  agreeing: number;
  /** Share on which they agree, and the share on which two with their habits would agree by chance; null while n is 0. */
  observed: number | null;
  expected: number | null;
  /** 1 whole agreement, 0 as much as by chance, below 0 less. Null while n is 0, and where chance alone would give whole agreement (each said one and the same word). */
  kappa: number | null;
  /** 95 % interval, held to -1..1; null without a kappa, and where it would have no width (whole agreement, all in one cell). Of a large sample: below some 30 things it promises too much. */
  low: number | null;
  high: number | null;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/**
 * Agreement of two raters beyond chance over categories without an order. `table[i][j]`: things that the first put into category i and the second into j.
 * Kappa: J. Cohen, Educational and Psychological Measurement 20 (1960) 37-46; its standard error: J. L. Fleiss, J. Cohen, B. S. Everitt, Psychological
 * Bulletin 72 (1969) 323-327.
 * @throws RangeError when the table is not square
 */
export function cohenKappa(table: readonly (readonly number[])[]): Kappa {
  if (table.some((row) => row.length !== table.length)) throw new RangeError('The table of two raters is square');
  const n = sum(table.map(sum));
  const agreeing = sum(table.map((row, at) => row[at] as number));
  if (n === 0) return { n, agreeing, observed: null, expected: null, kappa: null, low: null, high: null };
  const rows = table.map((row) => sum(row) / n);
  const columns = table.map((_, at) => sum(table.map((row) => row[at] as number)) / n);
  const observed = agreeing / n;
  const expected = sum(rows.map((row, at) => row * (columns[at] as number)));
  // Shares of n sum to 1 with an error of the arithmetic.
  if (1 - expected < 1e-12) return { n, agreeing, observed, expected, kappa: null, low: null, high: null };
  const kappa = (observed - expected) / (1 - expected);
  let spread = 0;
  for (const [i, row] of table.entries())
    for (const [j, count] of row.entries()) {
      const weight = (columns[i] as number) + (rows[j] as number);
      spread += (count / n) * ((i === j ? 1 : 0) - weight * (1 - kappa)) ** 2;
    }
  const variance = (spread - (kappa - expected * (1 - kappa)) ** 2) / (n * (1 - expected) ** 2);
  // The estimate of the spread is 0 where all agree, which says nothing of the things to come.
  if (variance < 1e-12) return { n, agreeing, observed, expected, kappa, low: null, high: null };
  const half = Z95 * Math.sqrt(variance);
  return { n, agreeing, observed, expected, kappa, low: Math.max(-1, kappa - half), high: Math.min(1, kappa + half) };
}
