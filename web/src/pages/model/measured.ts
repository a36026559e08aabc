import type { BoardClass } from '../../../../src/contracts/defects.ts';
import { BOARD_CLASSES } from '../../parts/board-classes.ts';

type Figures = Record<string, unknown>;
const isFigures = (value: unknown): value is Figures => typeof value === 'object' && value !== null && !Array.isArray(value);
const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null);

export interface ClassFigures {
  name: BoardClass;
  labels: number;
  recall: number | null;
  ap: number | null;
  escapes: number | null;
  falseCalls: number | null;
}

/** The manifest's figures of each class of the board model; a class that was not measured is left out. */
export function byClass(metrics: Figures): ClassFigures[] {
  return BOARD_CLASSES.flatMap((name): ClassFigures[] => {
    const figures = metrics[name];
    if (!isFigures(figures)) return [];
    const { labels, recall, ap33, escapes, false_calls } = figures;
    return [
      {
        name,
        labels: numberOf(labels) ?? 0,
        recall: numberOf(recall),
        ap: numberOf(ap33),
        escapes: numberOf(escapes),
        falseCalls: numberOf(false_calls),
      },
    ];
  });
}

/** Figures over all classes, by the data that they were measured on (`validation`, `test`, ... or none named). */
export function summaries(metrics: Figures): { name: string; rows: [string, number | string | boolean | null][] }[] {
  const rowsOf = (figures: Figures) =>
    Object.entries(figures).filter(
      (row): row is [string, number | string | boolean | null] => typeof row[1] !== 'object' || row[1] === null,
    );
  const known = new Set<string>(BOARD_CLASSES);
  return [
    ['', metrics] as const,
    ...Object.entries(metrics).filter((entry): entry is [string, Figures] => !known.has(entry[0]) && isFigures(entry[1])),
  ]
    .map(([name, figures]) => ({ name, rows: rowsOf(figures) }))
    .filter(({ rows }) => rows.length > 0);
}

/** The sets of pictures that were measured on. */
export function dataSets(metrics: Figures): { folder: string; pairs: number }[] {
  return [metrics, ...Object.values(metrics).filter(isFigures)].flatMap(({ data }) =>
    Array.isArray(data)
      ? data.flatMap((set: unknown) =>
          isFigures(set) && typeof set.folder === 'string' ? [{ folder: set.folder, pairs: numberOf(set.pairs) ?? 0 }] : [],
        )
      : [],
  );
}
