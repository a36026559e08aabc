/**
 * Turns of the event loop, 100 ms each, since now: how the product counts the time that a database may take (`liveness.ts`). A process that stands still
 * has one turn, however long.
 */
export function countTurns(t: { after(fn: () => Promise<void>): void }): () => number {
  let turns = 0;
  const clock = setInterval(() => {
    turns += 1;
  }, 100);
  t.after(async () => clearInterval(clock));
  return () => turns;
}
