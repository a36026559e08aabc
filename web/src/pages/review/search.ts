export interface ReviewSearch {
  /** The board that is looked at. */
  at?: string;
  mode?: 'template' | 'side' | 'difference';
}
export function reviewSearch({ at, mode }: Record<string, unknown>): ReviewSearch {
  return {
    ...(typeof at === 'string' && at ? { at } : {}),
    ...(mode === 'template' || mode === 'side' || mode === 'difference' ? { mode } : {}),
  };
}
