/** One look for all who ask while it is on its way, and for `millis` after it began: however many ask, no more than that is asked of what is looked at. */
export function kept<T>(millis: number, look: () => Promise<T>): () => Promise<T> {
  let last: { at: number; answer: Promise<T> } | undefined;
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at > millis) last = { at: now, answer: look() };
    return last.answer;
  };
}
